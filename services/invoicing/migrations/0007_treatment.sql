-- What decides how VAT treats a line: what it is, where it goes, at what rate it was ordered; and lines of sales tax. Every
-- column has a default: the version before this one goes on writing beside it.

ALTER TABLE sales_order
  -- services/kernel/orders.py, Address; NULL: the buyer's.
  ADD COLUMN ship_to      jsonb,
  ADD COLUMN requested_by text NOT NULL DEFAULT '';
ALTER TABLE order_line
  ADD COLUMN kind     text NOT NULL DEFAULT 'GOODS',
  ADD COLUMN category text NOT NULL DEFAULT '',
  -- In percent, as the shop computed it; NULL: it does not say.
  ADD COLUMN vat_rate numeric,
  -- Every row that is there has the default: nobody waits while they are looked through.
  ADD CONSTRAINT order_line_kind CHECK (kind IN ('GOODS', 'SERVICE')) NOT VALID;
ALTER TABLE shipment
  -- Where it went; NULL: where the order goes.
  ADD COLUMN ship_to jsonb;
ALTER TABLE issued
  -- BG-15, if elsewhere than the buyer's address.
  ADD COLUMN ship_to jsonb;
ALTER TABLE issued_line
  -- Sales tax and no goods.
  ADD COLUMN is_sales_tax boolean NOT NULL DEFAULT false;
