-- outside a transaction
-- Which provider let somebody in, and by what it knows that session: it ends them when its own ends
-- (OpenID Connect Back-Channel Logout 1.0). Empty: none did, or it has not said.
ALTER TABLE session
  ADD COLUMN IF NOT EXISTS provider_id  text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS provider_sid text NOT NULL DEFAULT '';
DROP INDEX CONCURRENTLY IF EXISTS session_provider;
CREATE INDEX CONCURRENTLY session_provider ON session (tenant, provider_id, contact_id)
  WHERE ended_at IS NULL AND provider_id <> '';
