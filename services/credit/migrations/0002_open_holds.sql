-- outside a transaction
-- Open holds by account and state: what an account's held amount is compared with, and how many orders wait. It takes no
-- part in the checks of foreign keys, since it holds some of the rows only.
DROP INDEX CONCURRENTLY IF EXISTS hold_open;
CREATE INDEX CONCURRENTLY hold_open ON hold (tenant, account_id, state) INCLUDE (held_minor)
  WHERE state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED');
