"""The rules of the ledger: what is posted, what an item owes, what a payment pays, what a dispute keeps in memo."""
