"""The rules of credit: what is approved, what is held, and what becomes of a hold (RULES.md)."""
