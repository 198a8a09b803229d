-- outside a transaction
-- What somebody sees to, by who it is: whoever leaves hands it over.
DROP INDEX CONCURRENTLY IF EXISTS application_owner;
CREATE INDEX CONCURRENTLY application_owner ON application (tenant, owner)
  WHERE owner <> '' AND state IN ('SUBMITTED', 'REFERRED', 'IN_REVIEW', 'WAITING_FOR_FACTS', 'PROPOSED', 'APPEALED');
DROP INDEX CONCURRENTLY IF EXISTS order_check_owner;
CREATE INDEX CONCURRENTLY order_check_owner ON order_check (tenant, owner) WHERE owner <> '' AND closed_at IS NULL;
