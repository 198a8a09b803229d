-- Whether a line is the sales tax of a US seller, which goes with the goods that bear it. Of invoices that were kept before,
-- false: their goods are contested and credited without it, as they were.
ALTER TABLE invoice_line ADD COLUMN is_sales_tax boolean NOT NULL DEFAULT false;
-- Of `credited`, what a credit note does not name by line, but as an amount.
ALTER TABLE dispute_line ADD COLUMN credited_as_amount numeric NOT NULL DEFAULT 0;
