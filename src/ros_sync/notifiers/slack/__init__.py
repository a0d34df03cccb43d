"""Slack: documents as Block Kit messages, delivered by the Web API."""
