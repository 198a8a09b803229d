-- outside a transaction
-- Who uses other currencies: orders that waited for a rate, and those that one holds something for.
DROP INDEX CONCURRENTLY IF EXISTS decision_without_rate;
CREATE INDEX CONCURRENTLY decision_without_rate ON decision (tenant, decided_at) WHERE 'rate_missing' = ANY (reasons);
DROP INDEX CONCURRENTLY IF EXISTS hold_abroad;
CREATE INDEX CONCURRENTLY hold_abroad ON hold (tenant) WHERE taken_minor IS NOT NULL AND state IN ('HELD', 'PARTIALLY_CAPTURED');
