-- outside a transaction
-- What a payment can pay, oldest due first: within one currency, so that it reads no item that it cannot reach. After
-- this item_due_of_account serves the version before alone.
DROP INDEX CONCURRENTLY IF EXISTS item_to_pay;
CREATE INDEX CONCURRENTLY item_to_pay ON item (tenant, account_id, currency, due_on, number, invoice_id)
  WHERE open_minor > 0;
