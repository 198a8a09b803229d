-- outside a transaction
-- What cannot be read, by its type: looked at for types that a newer version knows.
DROP INDEX CONCURRENTLY IF EXISTS parked_unreadable;
CREATE INDEX CONCURRENTLY parked_unreadable ON parked (consumer, topic, event_type)
  WHERE closed_at IS NULL AND reason = 'unreadable';
