"""The HTTP side: health and readiness now; webhooks, Slack and pages have their place here."""
