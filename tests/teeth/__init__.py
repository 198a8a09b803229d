"""Breaks the product on purpose, one way at a time, and sees the tests turn red."""
