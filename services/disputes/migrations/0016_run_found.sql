-- outside a transaction
-- Of which cases the clock has something to tell; those that wait for the seller, by when what was promised is at risk; what
-- was merged into a case. They hold some cases only, so that no foreign key's check takes those that begin with the tenant.
DROP INDEX CONCURRENTLY IF EXISTS dispute_looked_at;
CREATE INDEX CONCURRENTLY dispute_looked_at ON dispute (look_at) WHERE look_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS dispute_at_risk;
CREATE INDEX CONCURRENTLY dispute_at_risk ON dispute (tenant, at_risk_at, dispute_id)
  WHERE state IN ('SUBMITTED', 'ACKNOWLEDGED', 'UNDER_REVIEW', 'AWAITING_INTERNAL', 'ACCEPTED', 'APPEALED', 'REOPENED',
                  'RESOLVING');
DROP INDEX CONCURRENTLY IF EXISTS dispute_at_risk_of_account;
CREATE INDEX CONCURRENTLY dispute_at_risk_of_account ON dispute (account_id, tenant, at_risk_at, dispute_id)
  WHERE state IN ('SUBMITTED', 'ACKNOWLEDGED', 'UNDER_REVIEW', 'AWAITING_INTERNAL', 'ACCEPTED', 'APPEALED', 'REOPENED',
                  'RESOLVING');
DROP INDEX CONCURRENTLY IF EXISTS dispute_merged;
CREATE INDEX CONCURRENTLY dispute_merged ON dispute (tenant, merged_into, dispute_id) WHERE merged_into <> '';
