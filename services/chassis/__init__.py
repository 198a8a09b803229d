"""Machinery that every service stands on; it knows no business word."""
