-- outside a transaction
-- What people wrote and is still there, by who wrote it and for whom; in the place of indexes that nothing could use.
DROP INDEX CONCURRENTLY IF EXISTS account_hold_writers;
DROP INDEX CONCURRENTLY IF EXISTS fact_givers;
DROP INDEX CONCURRENTLY IF EXISTS application_document_givers;
DROP INDEX CONCURRENTLY IF EXISTS account_hold_written_by;
CREATE INDEX CONCURRENTLY account_hold_written_by ON account_hold (tenant, writer) WHERE reason <> '' OR owner <> '';
DROP INDEX CONCURRENTLY IF EXISTS account_hold_written_for;
CREATE INDEX CONCURRENTLY account_hold_written_for ON account_hold (tenant, written_for) WHERE (reason <> '' OR owner <> '') AND written_for <> '';
DROP INDEX CONCURRENTLY IF EXISTS fact_written_by;
CREATE INDEX CONCURRENTLY fact_written_by ON fact (tenant, writer) WHERE is_personal AND value <> '';
DROP INDEX CONCURRENTLY IF EXISTS fact_written_for;
CREATE INDEX CONCURRENTLY fact_written_for ON fact (tenant, written_for) WHERE is_personal AND value <> '' AND written_for <> '';
DROP INDEX CONCURRENTLY IF EXISTS application_document_written_by;
CREATE INDEX CONCURRENTLY application_document_written_by ON application_document (tenant, writer) WHERE name <> '';
DROP INDEX CONCURRENTLY IF EXISTS application_document_written_for;
CREATE INDEX CONCURRENTLY application_document_written_for ON application_document (tenant, written_for) WHERE name <> '' AND written_for <> '';
DROP INDEX CONCURRENTLY IF EXISTS application_appeal_written_by;
CREATE INDEX CONCURRENTLY application_appeal_written_by ON application_appeal (tenant, writer) WHERE why <> '';
DROP INDEX CONCURRENTLY IF EXISTS application_appeal_written_for;
CREATE INDEX CONCURRENTLY application_appeal_written_for ON application_appeal (tenant, written_for) WHERE why <> '' AND written_for <> '';
