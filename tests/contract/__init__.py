"""The contracts as others rely on them."""
