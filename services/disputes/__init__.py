"""Cases about invoices, from opening to credit note."""
