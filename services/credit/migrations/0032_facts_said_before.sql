-- outside a transaction
-- What people said of a company before they said something else: a number that they gave once is not called back.
DROP INDEX CONCURRENTLY IF EXISTS fact_said_before;
CREATE INDEX CONCURRENTLY fact_said_before ON fact (account_id, tenant, superseded_at)
  WHERE superseded_at IS NOT NULL AND is_given AND value <> '';
