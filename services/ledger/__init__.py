"""Keeps what is owed and what came in: double entry, open items, payments."""
