-- outside a transaction
-- What people wrote and is still there, by who wrote it and for whom. The indexes on arrays, which nothing could use, go with
-- the next release.
DROP INDEX CONCURRENTLY IF EXISTS thread_message_written_by;
CREATE INDEX CONCURRENTLY thread_message_written_by ON thread_message (tenant, writer) WHERE text <> '';
DROP INDEX CONCURRENTLY IF EXISTS thread_message_written_for;
CREATE INDEX CONCURRENTLY thread_message_written_for ON thread_message (tenant, written_for) WHERE text <> '' AND written_for <> '';
DROP INDEX CONCURRENTLY IF EXISTS note_written_by;
CREATE INDEX CONCURRENTLY note_written_by ON note (tenant, writer) WHERE text <> '';
DROP INDEX CONCURRENTLY IF EXISTS note_written_for;
CREATE INDEX CONCURRENTLY note_written_for ON note (tenant, written_for) WHERE text <> '' AND written_for <> '';
