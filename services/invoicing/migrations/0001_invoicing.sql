-- Sellers, the copies of buyers, orders and what shipped of them, drafts that wait, and what was issued.

CREATE TABLE seller (
  tenant        text NOT NULL,
  seller_id     text NOT NULL,
  -- The first one registered issues the tenant's invoices.
  position      bigint GENERATED ALWAYS AS IDENTITY,
  -- services/invoicing/domain/parties.py, Company.
  company       jsonb NOT NULL,
  iban          text NOT NULL,
  bic           text NOT NULL,
  series_prefix text NOT NULL,
  time_zone     text NOT NULL,
  contact_name  text NOT NULL,
  contact_phone text NOT NULL,
  contact_email text NOT NULL,
  PRIMARY KEY (tenant, seller_id),
  UNIQUE (tenant, series_prefix)
);

-- Credit owns the original.
CREATE TABLE buyer (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  company    jsonb NOT NULL,
  currency   text NOT NULL,
  PRIMARY KEY (tenant, account_id)
);

-- No foreign key to buyer: what was agreed may be told before the copy of the buyer is here.
CREATE TABLE contract (
  tenant          text NOT NULL,
  account_id      text NOT NULL,
  net_days        int NOT NULL CHECK (net_days BETWEEN 0 AND 365),
  invoice_on      text NOT NULL CHECK (invoice_on IN ('SHIPMENT', 'APPROVAL')),
  buyer_reference text NOT NULL,
  PRIMARY KEY (tenant, account_id)
);

-- No foreign key to buyer: orders of a buyer nobody knows are kept too; credit declines them.
CREATE TABLE sales_order (
  tenant           text NOT NULL,
  order_id         text NOT NULL,
  version          int NOT NULL CHECK (version >= 1),
  account_id       text NOT NULL,
  state            text NOT NULL CHECK (state IN ('OPEN', 'SHIPPING', 'CLOSED', 'CANCELLED')),
  -- Invoiced whole on approval: shipments are recorded and not invoiced.
  billed_whole     boolean NOT NULL,
  placed_on        date NOT NULL,
  promised_ship_on date NOT NULL,
  currency         text NOT NULL,
  net_minor        bigint NOT NULL,
  tax_minor        bigint NOT NULL,
  gross_minor      bigint NOT NULL CHECK (gross_minor > 0),
  site             text NOT NULL,
  cost_centre      text NOT NULL,
  purchase_order   text NOT NULL,
  PRIMARY KEY (tenant, order_id),
  CHECK (net_minor + tax_minor = gross_minor)
);

CREATE TABLE order_line (
  tenant     text NOT NULL,
  order_id   text NOT NULL,
  line_id    text NOT NULL,
  position   int NOT NULL,
  sku        text NOT NULL,
  name       text NOT NULL,
  quantity   numeric NOT NULL CHECK (quantity > 0),
  unit       text NOT NULL,
  unit_price numeric NOT NULL CHECK (unit_price >= 0),
  net_minor  bigint NOT NULL,
  tax_class  text NOT NULL,
  -- Over all shipments; never more than ordered.
  shipped    numeric NOT NULL DEFAULT 0 CHECK (shipped BETWEEN 0 AND quantity),
  PRIMARY KEY (tenant, order_id, line_id),
  FOREIGN KEY (tenant, order_id) REFERENCES sales_order
);

CREATE TABLE shipment (
  tenant      text NOT NULL,
  order_id    text NOT NULL,
  shipment_id text NOT NULL,
  shipped_on  date NOT NULL,
  final       boolean NOT NULL,
  -- [[line, quantity as text], …], as told.
  quantities  jsonb NOT NULL,
  PRIMARY KEY (tenant, order_id, shipment_id),
  FOREIGN KEY (tenant, order_id) REFERENCES sales_order
);

-- How far each series has counted; its row is locked last of all, once a batch.
CREATE TABLE series (
  tenant          text NOT NULL,
  seller_id       text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('380', '381')),
  fiscal_year     int NOT NULL,
  code            text NOT NULL,
  last            bigint NOT NULL CHECK (last >= 1),
  last_issue_date date NOT NULL,
  PRIMARY KEY (tenant, seller_id, kind, fiscal_year, code),
  FOREIGN KEY (tenant, seller_id) REFERENCES seller
);

-- Invoices and credit notes, written once.
CREATE TABLE issued (
  tenant         text NOT NULL,
  document_id    text NOT NULL,
  -- In the order of issue: what lists are paged by.
  position       bigint GENERATED ALWAYS AS IDENTITY,
  kind           text NOT NULL CHECK (kind IN ('380', '381')),
  number         text NOT NULL,
  seller_id      text NOT NULL,
  fiscal_year    int NOT NULL,
  series_code    text NOT NULL,
  series_number  bigint NOT NULL,
  account_id     text NOT NULL,
  order_id       text NOT NULL,
  -- Empty if invoiced on approval, and on credit notes.
  shipment_id    text NOT NULL,
  -- NULL on invoices.
  invoice_id     text,
  dispute_id     text,
  final          boolean NOT NULL,
  issue_date     date NOT NULL,
  due_date       date,
  delivery_date  date NOT NULL,
  currency       text NOT NULL,
  net_minor      bigint NOT NULL,
  tax_minor      bigint NOT NULL,
  gross_minor    bigint NOT NULL CHECK (gross_minor >= 0),
  -- services/invoicing/domain/statements.py: VatRow; parties.py: Company.
  vat            jsonb NOT NULL,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  seller         jsonb NOT NULL,
  buyer          jsonb NOT NULL,
  PRIMARY KEY (tenant, document_id),
  UNIQUE (tenant, number),
  UNIQUE (tenant, seller_id, kind, fiscal_year, series_code, series_number),
  FOREIGN KEY (tenant, order_id) REFERENCES sales_order,
  FOREIGN KEY (tenant, seller_id, kind, fiscal_year, series_code) REFERENCES series,
  FOREIGN KEY (tenant, invoice_id) REFERENCES issued,
  CHECK (net_minor + tax_minor = gross_minor),
  CHECK ((kind = '381') = (invoice_id IS NOT NULL AND dispute_id IS NOT NULL))
);
-- One invoice a shipment, one credit note a dispute, whatever is told twice.
CREATE UNIQUE INDEX issued_shipment ON issued (tenant, order_id, shipment_id) WHERE kind = '380';
CREATE UNIQUE INDEX issued_dispute ON issued (tenant, dispute_id) WHERE kind = '381';
CREATE INDEX issued_credited ON issued (tenant, invoice_id) WHERE kind = '381';
CREATE INDEX issued_position ON issued (tenant, position);
CREATE INDEX issued_account ON issued (tenant, account_id, position);

CREATE TABLE issued_line (
  tenant          text NOT NULL,
  document_id     text NOT NULL,
  position        int NOT NULL,
  line_id         text NOT NULL,
  order_line_id   text NOT NULL,
  invoice_line_id text NOT NULL,
  sku             text NOT NULL,
  name            text NOT NULL,
  quantity        numeric NOT NULL,
  unit            text NOT NULL,
  unit_price      numeric NOT NULL,
  net_minor       bigint NOT NULL,
  vat_category    text NOT NULL,
  -- NULL outside the scope of VAT.
  vat_rate        numeric,
  PRIMARY KEY (tenant, document_id, position),
  FOREIGN KEY (tenant, document_id) REFERENCES issued
);

-- The bytes as they left, and what they were checked against.
CREATE TABLE document (
  tenant      text NOT NULL,
  document_id text NOT NULL,
  format      text NOT NULL,
  content     bytea NOT NULL,
  sha256      text NOT NULL,
  rule_set    text NOT NULL,
  PRIMARY KEY (tenant, document_id, format),
  FOREIGN KEY (tenant, document_id) REFERENCES issued
);

-- What credit notes took of each invoice: its row is locked by whoever credits.
CREATE TABLE invoice_balance (
  tenant         text NOT NULL,
  invoice_id     text NOT NULL,
  gross_minor    bigint NOT NULL,
  credited_minor bigint NOT NULL DEFAULT 0 CHECK (credited_minor BETWEEN 0 AND gross_minor),
  PRIMARY KEY (tenant, invoice_id),
  FOREIGN KEY (tenant, invoice_id) REFERENCES issued
);

-- What resolved disputes ask for.
CREATE TABLE credit_request (
  tenant       text NOT NULL,
  dispute_id   text NOT NULL,
  invoice_id   text NOT NULL,
  -- [[line, quantity as text], …]; empty: the amount.
  lines        jsonb NOT NULL,
  currency     text NOT NULL,
  amount_minor bigint NOT NULL,
  PRIMARY KEY (tenant, dispute_id),
  FOREIGN KEY (tenant, invoice_id) REFERENCES issued
);

-- Drafts that broke a rule: without a number, until they are in order. What they say is made anew from what is above.
CREATE TABLE held (
  tenant      text NOT NULL,
  draft_id    text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('380', '381')),
  account_id  text NOT NULL,
  order_id    text NOT NULL,
  shipment_id text NOT NULL,
  -- Empty on invoices.
  dispute_id  text NOT NULL,
  -- [[rule, message, place], …]
  findings    jsonb NOT NULL,
  held_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, draft_id),
  FOREIGN KEY (tenant, order_id) REFERENCES sales_order
);
CREATE INDEX held_account ON held (tenant, account_id);
CREATE INDEX held_order ON held (tenant, order_id);

SELECT protect(t) FROM unnest(ARRAY['seller', 'buyer', 'contract', 'sales_order', 'order_line', 'shipment', 'series',
  'issued', 'issued_line', 'document', 'invoice_balance', 'credit_request', 'held']::regclass[]) AS t;
SELECT append_only(t) FROM unnest(ARRAY['shipment', 'issued', 'issued_line', 'document', 'credit_request']::regclass[]) AS t;
