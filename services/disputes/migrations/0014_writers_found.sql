-- outside a transaction
-- What people wrote and is still there, by who wrote it and for whom. The indexes on arrays, which nothing could use, go with
-- the next release.
DROP INDEX CONCURRENTLY IF EXISTS dispute_written_by;
CREATE INDEX CONCURRENTLY dispute_written_by ON dispute (tenant, writer) WHERE description <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_written_for;
CREATE INDEX CONCURRENTLY dispute_written_for ON dispute (tenant, written_for) WHERE description <> '' AND written_for <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_move_written_by;
CREATE INDEX CONCURRENTLY dispute_move_written_by ON dispute_move (tenant, writer) WHERE missing <> '' OR reason <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_move_written_for;
CREATE INDEX CONCURRENTLY dispute_move_written_for ON dispute_move (tenant, written_for) WHERE (missing <> '' OR reason <> '') AND written_for <> '';
DROP INDEX CONCURRENTLY IF EXISTS evidence_written_by;
CREATE INDEX CONCURRENTLY evidence_written_by ON evidence (tenant, writer) WHERE file_name <> '';
DROP INDEX CONCURRENTLY IF EXISTS evidence_written_for;
CREATE INDEX CONCURRENTLY evidence_written_for ON evidence (tenant, written_for) WHERE file_name <> '' AND written_for <> '';
