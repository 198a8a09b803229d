-- outside a transaction
-- Cases that somebody has, or stands in for: whoever leaves hands them over.
DROP INDEX CONCURRENTLY IF EXISTS dispute_of_owner;
CREATE INDEX CONCURRENTLY dispute_of_owner ON dispute (owner, tenant) WHERE owner <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_of_stand_in;
CREATE INDEX CONCURRENTLY dispute_of_stand_in ON dispute (stand_in, tenant) WHERE stand_in <> '';
