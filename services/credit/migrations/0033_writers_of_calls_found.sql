-- outside a transaction
-- What people wrote and is still there, by who wrote it and for whom. The indexes on arrays, which nothing could use, go with
-- the next release.
DROP INDEX CONCURRENTLY IF EXISTS call_back_written_by;
CREATE INDEX CONCURRENTLY call_back_written_by ON call_back (tenant, writer) WHERE number <> '';
DROP INDEX CONCURRENTLY IF EXISTS call_back_written_for;
CREATE INDEX CONCURRENTLY call_back_written_for ON call_back (tenant, written_for) WHERE number <> '' AND written_for <> '';
