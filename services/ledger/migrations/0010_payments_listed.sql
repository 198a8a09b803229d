-- outside a transaction
-- Payments in the order in which they are listed, of all accounts and of one; and those of which something has met no
-- invoice. The first two hold every payment and say that they hold some only, so that they take no part in the checks of
-- foreign keys.
DROP INDEX CONCURRENTLY IF EXISTS payment_newest;
CREATE INDEX CONCURRENTLY payment_newest ON payment (tenant, value_on, payment_id) WHERE amount_minor > 0;
DROP INDEX CONCURRENTLY IF EXISTS payment_of_account;
CREATE INDEX CONCURRENTLY payment_of_account ON payment (tenant, account_id, value_on, payment_id)
  WHERE amount_minor > 0;
DROP INDEX CONCURRENTLY IF EXISTS payment_unapplied;
CREATE INDEX CONCURRENTLY payment_unapplied ON payment (tenant, value_on, payment_id)
  WHERE applied_minor < amount_minor;
DROP INDEX CONCURRENTLY IF EXISTS payment_unapplied_of_account;
CREATE INDEX CONCURRENTLY payment_unapplied_of_account ON payment (tenant, account_id, value_on, payment_id)
  WHERE applied_minor < amount_minor;
