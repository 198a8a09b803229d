"""Dashboards: one source in Python, from which Grafana's JSON and the page of `make observe` are made."""
