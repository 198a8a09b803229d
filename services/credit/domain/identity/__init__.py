"""Who a company says that it is, checked without asking anybody: its numbers, contacts, bank account and names."""
