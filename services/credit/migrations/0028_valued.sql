-- outside a transaction
-- Accounts of which something is in another currency, by the rates that it is valued by.
DROP INDEX CONCURRENTLY IF EXISTS account_valued;
CREATE INDEX CONCURRENTLY account_valued ON account (tenant, valued_version) WHERE valued_version IS NOT NULL;
