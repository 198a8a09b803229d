-- outside a transaction
-- What somebody of a small account has not read stood behind the threads of all others.
CREATE INDEX CONCURRENTLY IF NOT EXISTS thread_newest_of_account ON thread (tenant, account_id, last_at, about) WHERE last_nth > 0;
