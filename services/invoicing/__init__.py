"""Turns a fulfilled order into a legal document and delivers it to machines."""
