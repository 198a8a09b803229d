-- outside a transaction
-- Cases by where they stand, of all accounts and of one; not tenant first, as others refer to the table.
DROP INDEX CONCURRENTLY IF EXISTS dispute_state;
CREATE INDEX CONCURRENTLY dispute_state ON dispute (state, tenant, dispute_id);
DROP INDEX CONCURRENTLY IF EXISTS dispute_account_state;
CREATE INDEX CONCURRENTLY dispute_account_state ON dispute (account_id, state, tenant, dispute_id);
-- What is contested just now: few of all invoices.
DROP INDEX CONCURRENTLY IF EXISTS invoice_contested;
CREATE INDEX CONCURRENTLY invoice_contested ON invoice (tenant, currency) INCLUDE (disputed_minor)
  WHERE disputed_minor > 0;
