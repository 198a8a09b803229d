-- outside a transaction
-- Decisions in the order in which they are listed, of all accounts and of one.
DROP INDEX CONCURRENTLY IF EXISTS decision_newest;
CREATE INDEX CONCURRENTLY decision_newest ON decision (tenant, decided_at, decision_id);
DROP INDEX CONCURRENTLY IF EXISTS decision_of_account;
CREATE INDEX CONCURRENTLY decision_of_account ON decision (tenant, account_id, decided_at, decision_id);
