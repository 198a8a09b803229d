-- outside a transaction
-- Domains that are known of companies, the newest first.
DROP INDEX CONCURRENTLY IF EXISTS fact_domains;
CREATE INDEX CONCURRENTLY fact_domains ON fact (tenant, given_at)
  WHERE key IN ('contact_email', 'website') AND superseded_at IS NULL AND value <> '';
-- The nodes below one, however deep.
DROP INDEX CONCURRENTLY IF EXISTS node_within;
CREATE INDEX CONCURRENTLY node_within ON node USING gin (path);
