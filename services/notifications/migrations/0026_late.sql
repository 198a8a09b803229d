-- outside a transaction
-- What is late, the longest first.
DROP INDEX CONCURRENTLY IF EXISTS journey_late;
CREATE INDEX CONCURRENTLY journey_late ON journey (tenant, late_at, about) WHERE late_at IS NOT NULL;
