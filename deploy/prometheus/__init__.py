"""Alerts: one source in Python, from which the rule files for Prometheus and for its operator are written."""
