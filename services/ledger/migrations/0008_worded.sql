-- outside a transaction
-- Payments that still have in them what somebody wrote, oldest first.
DROP INDEX CONCURRENTLY IF EXISTS payment_worded;
CREATE INDEX CONCURRENTLY payment_worded ON payment (value_on, tenant) WHERE remittance <> '';
