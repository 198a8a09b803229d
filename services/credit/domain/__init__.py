"""The rules of credit: what is approved, what is held, and what becomes of a hold (domain rules B2, B3)."""
