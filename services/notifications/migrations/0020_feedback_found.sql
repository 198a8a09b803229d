-- outside a transaction
-- What came to pass of an account, for how well it is.
DROP INDEX CONCURRENTLY IF EXISTS journey_account;
CREATE INDEX CONCURRENTLY journey_account ON journey (account_id, tenant, began_at);
