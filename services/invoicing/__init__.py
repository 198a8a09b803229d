"""Turns a fulfilled order into a legal document: sellers, contracts, taxes, numbers, credit notes."""
