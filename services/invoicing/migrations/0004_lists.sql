-- outside a transaction
-- The documents of an order, and the drafts of an account that wait, in the order in which they are listed; not tenant
-- first, as others refer to what is issued.
DROP INDEX CONCURRENTLY IF EXISTS issued_order;
CREATE INDEX CONCURRENTLY issued_order ON issued (order_id, tenant, position);
DROP INDEX CONCURRENTLY IF EXISTS held_list;
CREATE INDEX CONCURRENTLY held_list ON held (account_id, tenant, draft_id);
