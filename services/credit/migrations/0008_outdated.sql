-- outside a transaction
-- Holds that still have in them what people wrote, by when they were over: looked at for what is to be forgotten.
DROP INDEX CONCURRENTLY IF EXISTS account_hold_outdated;
CREATE INDEX CONCURRENTLY account_hold_outdated ON account_hold (tenant, coalesce(lifted_at, until)) WHERE reason <> '';
