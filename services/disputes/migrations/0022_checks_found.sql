-- outside a transaction
-- The credit notes of an invoice.
DROP INDEX CONCURRENTLY IF EXISTS credit_note_of_invoice;
CREATE INDEX CONCURRENTLY credit_note_of_invoice ON credit_note (tenant, invoice_id);
