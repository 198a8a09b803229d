-- outside a transaction
-- What came to pass of an account, for how well it is; and what was written lately. Not tenant first: see contact_account.
DROP INDEX CONCURRENTLY IF EXISTS journey_account;
CREATE INDEX CONCURRENTLY journey_account ON journey (account_id, tenant, began_at);
