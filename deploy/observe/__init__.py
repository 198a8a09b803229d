"""Watches a running product: Prometheus and Alertmanager as processes, one page of all panels, and the table of metrics."""
