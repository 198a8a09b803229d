-- outside a transaction
-- Cases and moves that still have in them what people wrote: oldest first, and by who wrote it.
DROP INDEX CONCURRENTLY IF EXISTS dispute_worded;
CREATE INDEX CONCURRENTLY dispute_worded ON dispute (opened_at, tenant) WHERE description <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_move_worded;
CREATE INDEX CONCURRENTLY dispute_move_worded ON dispute_move (at, tenant) WHERE missing <> '' OR reason <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_writers;
CREATE INDEX CONCURRENTLY dispute_writers ON dispute USING gin (string_to_array(opened_by, ' for '))
  WHERE description <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_move_writers;
CREATE INDEX CONCURRENTLY dispute_move_writers ON dispute_move USING gin (string_to_array(actor, ' for '))
  WHERE missing <> '' OR reason <> '';
