-- outside a transaction
-- What came to pass of an account, for how well it is, and what was written lately, for what it costs people.
DROP INDEX CONCURRENTLY IF EXISTS journey_account;
CREATE INDEX CONCURRENTLY journey_account ON journey (account_id, tenant, began_at);
DROP INDEX CONCURRENTLY IF EXISTS thread_message_newest;
CREATE INDEX CONCURRENTLY thread_message_newest ON thread_message (tenant, at);
