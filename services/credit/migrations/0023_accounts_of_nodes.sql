-- outside a transaction
-- Accounts by the node that they are part of.
DROP INDEX CONCURRENTLY IF EXISTS account_of_node;
CREATE INDEX CONCURRENTLY account_of_node ON account (tenant, (path[cardinality(path)]), account_id) WHERE path <> '{}';
