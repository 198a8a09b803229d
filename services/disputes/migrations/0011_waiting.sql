-- outside a transaction
-- Cases that wait for the seller, and for the buyer, by the day on which an answer was promised: of a tenant, and of an
-- account. They hold some cases only, so that no foreign key's check takes those that begin with the tenant.
DROP INDEX CONCURRENTLY IF EXISTS dispute_at_seller;
CREATE INDEX CONCURRENTLY dispute_at_seller ON dispute (tenant, answer_by, dispute_id)
  WHERE state IN ('SUBMITTED', 'ACKNOWLEDGED', 'UNDER_REVIEW', 'AWAITING_INTERNAL', 'ACCEPTED', 'APPEALED', 'REOPENED',
                  'RESOLVING');
DROP INDEX CONCURRENTLY IF EXISTS dispute_at_seller_of_account;
CREATE INDEX CONCURRENTLY dispute_at_seller_of_account ON dispute (account_id, tenant, answer_by, dispute_id)
  WHERE state IN ('SUBMITTED', 'ACKNOWLEDGED', 'UNDER_REVIEW', 'AWAITING_INTERNAL', 'ACCEPTED', 'APPEALED', 'REOPENED',
                  'RESOLVING');
DROP INDEX CONCURRENTLY IF EXISTS dispute_at_buyer;
CREATE INDEX CONCURRENTLY dispute_at_buyer ON dispute (tenant, answer_by, dispute_id)
  WHERE state IN ('AWAITING_CUSTOMER', 'PROPOSED');
DROP INDEX CONCURRENTLY IF EXISTS dispute_at_buyer_of_account;
CREATE INDEX CONCURRENTLY dispute_at_buyer_of_account ON dispute (account_id, tenant, answer_by, dispute_id)
  WHERE state IN ('AWAITING_CUSTOMER', 'PROPOSED');
