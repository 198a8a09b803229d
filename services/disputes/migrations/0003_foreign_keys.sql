-- outside a transaction
-- Invoices and cases are referred to: of their indexes only the primary key begins with the tenant, since a foreign key's
-- check is planned while the tables are young, and with another such index reads all of the tenant's rows for each line
-- of an invoice. The version before finds the same by these.
DROP INDEX CONCURRENTLY IF EXISTS invoice_by_number;
CREATE INDEX CONCURRENTLY invoice_by_number ON invoice (number, tenant);
DROP INDEX CONCURRENTLY IF EXISTS invoice_number;
DROP INDEX CONCURRENTLY IF EXISTS dispute_by_account;
CREATE INDEX CONCURRENTLY dispute_by_account ON dispute (account_id, tenant, dispute_id);
DROP INDEX CONCURRENTLY IF EXISTS dispute_account;
