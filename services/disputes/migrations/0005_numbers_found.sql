-- outside a transaction
-- A case by what people call it; two of one tenant are never called the same.
DROP INDEX CONCURRENTLY IF EXISTS dispute_by_number;
CREATE UNIQUE INDEX CONCURRENTLY dispute_by_number ON dispute (number, tenant) WHERE number <> '';
