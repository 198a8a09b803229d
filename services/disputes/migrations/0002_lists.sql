-- outside a transaction
-- Cases by where they stand, of all accounts and of one; not tenant first, as others refer to the table.
DROP INDEX CONCURRENTLY IF EXISTS dispute_state;
CREATE INDEX CONCURRENTLY dispute_state ON dispute (state, tenant, dispute_id);
DROP INDEX CONCURRENTLY IF EXISTS dispute_account_state;
CREATE INDEX CONCURRENTLY dispute_account_state ON dispute (account_id, state, tenant, dispute_id);
-- The case of each state that was opened first.
DROP INDEX CONCURRENTLY IF EXISTS dispute_age;
CREATE INDEX CONCURRENTLY dispute_age ON dispute (state, opened_at);
-- What is contested just now: few of all invoices.
DROP INDEX CONCURRENTLY IF EXISTS invoice_contested;
CREATE INDEX CONCURRENTLY invoice_contested ON invoice (tenant, invoice_id) INCLUDE (currency, disputed_minor)
  WHERE disputed_minor > 0;
