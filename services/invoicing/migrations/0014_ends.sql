-- How cases end beside returns: rebills, corrected prices, goods sent again. Every column has a default: the version before
-- this one goes on writing beside it.

-- What a case asks for: services/invoicing/domain/statements.py, Why; '': a return.
ALTER TABLE credit_request
  ADD COLUMN why        text NOT NULL DEFAULT '',
  -- services/kernel/corrections.py
  ADD COLUMN correction jsonb;

-- services/invoicing/domain/statements.py, Reference: of a corrected invoice the one that it stands for and the credit note
-- that was issued with it; of that credit note the corrected invoice.
ALTER TABLE issued
  ADD COLUMN corrects    jsonb,
  ADD COLUMN credited_by jsonb,
  ADD COLUMN rebilled_by jsonb,
  ADD COLUMN why         text NOT NULL DEFAULT '';

-- What a line costs since a case, instead of what was ordered; and how often that happened to the order.
ALTER TABLE order_line ADD COLUMN corrected_price numeric CHECK (corrected_price >= 0);
ALTER TABLE sales_order ADD COLUMN price_corrections int NOT NULL DEFAULT 0;

-- The case that ended in sending this again; '': it is of what was ordered.
ALTER TABLE shipment ADD COLUMN dispute_id text NOT NULL DEFAULT '';

-- What cases ended in sending again: no invoice follows, and it counts against nothing that was ordered.
CREATE TABLE replacement (
  tenant      text NOT NULL,
  dispute_id  text NOT NULL,
  invoice_id  text NOT NULL,
  account_id  text NOT NULL,
  order_id    text NOT NULL,
  -- [[order line, quantity as text], …]
  quantities  jsonb NOT NULL,
  -- Empty until it has left.
  shipment_id text NOT NULL,
  PRIMARY KEY (tenant, dispute_id),
  FOREIGN KEY (tenant, order_id) REFERENCES sales_order
);
SELECT protect('replacement'), protect_account('replacement'), protect_through('replacement', 'sales_order', 'order_id');
