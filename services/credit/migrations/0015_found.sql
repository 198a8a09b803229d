-- outside a transaction
-- Accounts whose limit changes by itself, by when.
DROP INDEX CONCURRENTLY IF EXISTS account_limit_until;
CREATE INDEX CONCURRENTLY account_limit_until ON account (limit_until) WHERE limit_until IS NOT NULL;
-- Accounts by the node that they are part of.
DROP INDEX CONCURRENTLY IF EXISTS account_of_node;
CREATE INDEX CONCURRENTLY account_of_node ON account (tenant, (path[cardinality(path)]), account_id) WHERE path <> '{}';
-- What is held for orders of which something has left and not all is invoiced, by account.
DROP INDEX CONCURRENTLY IF EXISTS hold_delivered;
CREATE INDEX CONCURRENTLY hold_delivered ON hold (tenant, account_id) INCLUDE (held_minor)
  WHERE expires_at IS NULL AND state IN ('HELD', 'PARTIALLY_CAPTURED');
