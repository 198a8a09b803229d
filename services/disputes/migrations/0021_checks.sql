-- The evidence on invoices, as it is told: what was ordered, left, arrived and was paid, and what was agreed. Nothing refers
-- to these tables, and they refer to none: what is told first is kept first.

-- The newest version of an order; one that comes after something of it has left changes nothing.
CREATE TABLE ordered (
  tenant     text NOT NULL,
  order_id   text NOT NULL,
  account_id text NOT NULL,
  version    int NOT NULL,
  -- Versions that were heard of.
  versions   int NOT NULL DEFAULT 1,
  -- {line: [quantity, price, tax class, VAT rate or ""], …}, as text.
  lines      jsonb NOT NULL,
  PRIMARY KEY (tenant, order_id)
);
CREATE TABLE order_shipment (
  tenant      text NOT NULL,
  order_id    text NOT NULL,
  shipment_id text NOT NULL,
  account_id  text NOT NULL,
  final       boolean NOT NULL,
  -- {line: quantity, …}
  lines       jsonb NOT NULL,
  PRIMARY KEY (tenant, order_id, shipment_id)
);
CREATE TABLE order_receipt (
  tenant      text NOT NULL,
  order_id    text NOT NULL,
  receipt_id  text NOT NULL,
  account_id  text NOT NULL,
  shipment_id text NOT NULL,
  received_on text NOT NULL,
  -- {line: quantity, damaged or not, …}
  lines       jsonb NOT NULL,
  PRIMARY KEY (tenant, order_id, receipt_id)
);

-- What an invoice says beside amounts.
CREATE TABLE invoice_terms (
  tenant         text NOT NULL,
  invoice_id     text NOT NULL,
  account_id     text NOT NULL,
  order_id       text NOT NULL,
  shipment_id    text NOT NULL,
  due_on         date NOT NULL,
  delivered_on   date NOT NULL,
  seller_country text NOT NULL,
  countries      text NOT NULL,
  -- SHA-256 of order, lines, quantities, prices and period.
  content        text NOT NULL,
  -- {line: line of the order, …}
  ordered_as     jsonb NOT NULL,
  -- {line of the order: quantity, …}
  invoiced       jsonb NOT NULL,
  PRIMARY KEY (tenant, invoice_id)
);
CREATE INDEX invoice_terms_order ON invoice_terms (tenant, order_id);

-- What paid an invoice; taken back, less than 0. One row an event.
CREATE TABLE invoice_payment (
  tenant       text NOT NULL,
  invoice_id   text NOT NULL,
  account_id   text NOT NULL,
  event_id     text NOT NULL,
  amount_minor bigint NOT NULL,
  paid_on      text NOT NULL,
  PRIMARY KEY (tenant, invoice_id, event_id)
);
-- Cash of an account that met no invoice, as the newest word of the ledger has it: {currency: minor units, …}
CREATE TABLE account_cash (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  sequence   bigint NOT NULL,
  unapplied  jsonb NOT NULL,
  PRIMARY KEY (tenant, account_id)
);
-- The days that were agreed with a buyer, every version with since when.
CREATE TABLE agreed_days (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  version    int NOT NULL,
  net_days   int NOT NULL,
  agreed_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id, version)
);

-- What the evidence said of a case.
CREATE TABLE check_result (
  tenant       text NOT NULL,
  dispute_id   text NOT NULL,
  nth          int NOT NULL,
  account_id   text NOT NULL,
  verdict      text NOT NULL,
  outcome      text NOT NULL,
  currency     text NOT NULL,
  proven_minor bigint NOT NULL CHECK (proven_minor >= 0),
  -- [[line, minor units], …] and [[code, [[name, figure], …]], …]
  lines        jsonb NOT NULL,
  facts        jsonb NOT NULL,
  appeal_by    date,
  -- "2026-03": the month in which a credit counts; '' of anything else.
  counts_in    text NOT NULL,
  checked_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant, dispute_id, nth)
);
CREATE INDEX check_result_credited ON check_result (tenant, account_id, counts_in) WHERE counts_in <> '';

-- NULL: the defaults of whoever set no caps.
ALTER TABLE policy ADD COLUMN auto_credit_most jsonb, ADD COLUMN auto_credits_per_month int;

SELECT protect(t), protect_account(t)
  FROM unnest(ARRAY['ordered', 'order_shipment', 'order_receipt', 'invoice_terms', 'invoice_payment', 'account_cash',
                    'agreed_days', 'check_result']::regclass[]) AS t;
SELECT protect_through('invoice_terms', 'invoice', 'invoice_id'), protect_through('check_result', 'dispute', 'dispute_id');
SELECT append_only(t)
  FROM unnest(ARRAY['order_shipment', 'order_receipt', 'invoice_terms', 'invoice_payment', 'agreed_days',
                    'check_result']::regclass[]) AS t;
