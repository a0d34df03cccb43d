"""Alerts: from findings to what somebody is told, and to its end."""
