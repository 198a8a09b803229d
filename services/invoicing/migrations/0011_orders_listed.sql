-- outside a transaction
-- Orders as they are listed, by when they were heard of (the day of those that the version before this one writes), and
-- orders and documents by their names, byte by byte, as they are searched: of a tenant, and of an account. The tenant in
-- the collation "C": no foreign key's check can take such an index (0005_keys.sql).
ALTER TABLE sales_order ADD COLUMN IF NOT EXISTS known_at timestamptz;
DROP INDEX CONCURRENTLY IF EXISTS order_of_tenant;
CREATE INDEX CONCURRENTLY order_of_tenant
  ON sales_order (tenant COLLATE "C", coalesce(known_at, placed_on::timestamp AT TIME ZONE 'UTC'), order_id);
DROP INDEX CONCURRENTLY IF EXISTS order_of_account;
CREATE INDEX CONCURRENTLY order_of_account
  ON sales_order (account_id, tenant, coalesce(known_at, placed_on::timestamp AT TIME ZONE 'UTC'), order_id);
DROP INDEX CONCURRENTLY IF EXISTS order_called;
CREATE INDEX CONCURRENTLY order_called ON sales_order (tenant COLLATE "C", order_id COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS order_called_of_account;
CREATE INDEX CONCURRENTLY order_called_of_account ON sales_order (account_id, tenant, order_id COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS order_purchase;
CREATE INDEX CONCURRENTLY order_purchase
  ON sales_order (tenant COLLATE "C", purchase_order COLLATE "C", order_id COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS order_purchase_of_account;
CREATE INDEX CONCURRENTLY order_purchase_of_account
  ON sales_order (account_id, tenant, purchase_order COLLATE "C", order_id COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS issued_called;
CREATE INDEX CONCURRENTLY issued_called ON issued (tenant COLLATE "C", number COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS issued_called_of_account;
CREATE INDEX CONCURRENTLY issued_called_of_account ON issued (account_id, tenant, number COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS issued_ordered;
CREATE INDEX CONCURRENTLY issued_ordered ON issued (tenant COLLATE "C", order_id COLLATE "C", number COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS issued_ordered_of_account;
CREATE INDEX CONCURRENTLY issued_ordered_of_account
  ON issued (account_id, tenant, order_id COLLATE "C", number COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS issued_purchase;
CREATE INDEX CONCURRENTLY issued_purchase
  ON issued (tenant COLLATE "C", purchase_order COLLATE "C", number COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS issued_purchase_of_account;
CREATE INDEX CONCURRENTLY issued_purchase_of_account
  ON issued (account_id, tenant, purchase_order COLLATE "C", number COLLATE "C");
