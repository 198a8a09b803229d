-- outside a transaction
-- Holds that still have in them what people wrote, by who wrote it.
DROP INDEX CONCURRENTLY IF EXISTS account_hold_writers;
CREATE INDEX CONCURRENTLY account_hold_writers ON account_hold USING gin (string_to_array(placed_by, ' for '))
  WHERE reason <> '' OR owner <> '';
