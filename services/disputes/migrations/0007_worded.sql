-- outside a transaction
-- Cases and moves that still have in them what people wrote, oldest first.
DROP INDEX CONCURRENTLY IF EXISTS dispute_worded;
CREATE INDEX CONCURRENTLY dispute_worded ON dispute (opened_at, tenant) WHERE description <> '';
DROP INDEX CONCURRENTLY IF EXISTS dispute_move_worded;
CREATE INDEX CONCURRENTLY dispute_move_worded ON dispute_move (at, tenant) WHERE missing <> '' OR reason <> '';
