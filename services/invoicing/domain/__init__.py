"""What invoicing decides: which shipment becomes an invoice, how it is taxed, numbered and credited. Pure rules."""
