-- outside a transaction
DROP INDEX CONCURRENTLY IF EXISTS session_provider;
CREATE INDEX CONCURRENTLY session_provider ON session (tenant, provider_id, contact_id)
  WHERE ended_at IS NULL AND provider_id <> '';
