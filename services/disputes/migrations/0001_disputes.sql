-- Invoices as invoicing announced them, and the cases about them. Amounts are gross whole minor units of the currency.

-- `disputed_minor` is what open cases contest: every case locks its invoice first, so two at once cannot contest more
-- than there is. What credit notes took is a fact of invoicing's and is recorded even where it leaves no room.
CREATE TABLE invoice (
  tenant         text NOT NULL,
  invoice_id     text NOT NULL,
  number         text NOT NULL,
  account_id     text NOT NULL,
  order_id       text NOT NULL,
  issue_date     date NOT NULL,
  currency       text NOT NULL,
  net_minor      bigint NOT NULL,
  tax_minor      bigint NOT NULL,
  gross_minor    bigint NOT NULL CHECK (gross_minor = net_minor + tax_minor),
  credited_minor bigint NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
  disputed_minor bigint NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
  -- What the ledger last said is owed, and the number of the event that said so.
  open_minor     bigint NOT NULL CHECK (open_minor >= 0),
  open_sequence  bigint NOT NULL DEFAULT 0,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  PRIMARY KEY (tenant, invoice_id)
);
CREATE INDEX invoice_number ON invoice (tenant, number);

CREATE TABLE invoice_line (
  tenant       text NOT NULL,
  invoice_id   text NOT NULL,
  line_id      text NOT NULL,
  quantity     numeric NOT NULL CHECK (quantity > 0),
  unit_price   numeric NOT NULL,
  net_minor    bigint NOT NULL,
  vat_category text NOT NULL,
  vat_rate     numeric NOT NULL CHECK (vat_rate >= 0),
  PRIMARY KEY (tenant, invoice_id, line_id),
  FOREIGN KEY (tenant, invoice_id) REFERENCES invoice
);

CREATE TABLE dispute (
  tenant             text NOT NULL,
  dispute_id         text NOT NULL,
  invoice_id         text NOT NULL,
  account_id         text NOT NULL,
  reason_code        text NOT NULL,
  description        text NOT NULL,
  amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
  state              text NOT NULL,
  moves              int NOT NULL CHECK (moves > 0),
  opened_by          text NOT NULL,
  opened_at          timestamptz NOT NULL,
  answer_by          date NOT NULL,
  asked_at           timestamptz,
  ended_at           timestamptz,
  resolution         text,
  credit_minor       bigint CHECK (credit_minor BETWEEN 0 AND amount_minor),
  credit_note_number text NOT NULL,
  PRIMARY KEY (tenant, dispute_id),
  UNIQUE (tenant, invoice_id, dispute_id),
  FOREIGN KEY (tenant, invoice_id) REFERENCES invoice,
  CHECK ((resolution IS NULL) = (credit_minor IS NULL))
);
CREATE INDEX dispute_account ON dispute (tenant, account_id, dispute_id);

-- Quantities of a case by line: what it contests, and what all its resolutions had credited.
CREATE TABLE dispute_line (
  tenant     text NOT NULL,
  dispute_id text NOT NULL,
  line_id    text NOT NULL,
  invoice_id text NOT NULL,
  contested  numeric NOT NULL CHECK (contested >= 0),
  credited   numeric NOT NULL CHECK (credited >= 0),
  PRIMARY KEY (tenant, dispute_id, line_id),
  FOREIGN KEY (tenant, invoice_id, dispute_id) REFERENCES dispute (tenant, invoice_id, dispute_id),
  FOREIGN KEY (tenant, invoice_id, line_id) REFERENCES invoice_line
);
CREATE INDEX dispute_line_invoice ON dispute_line (tenant, invoice_id);

-- The history of a case; nth counts its moves from 1.
CREATE TABLE dispute_move (
  tenant       text NOT NULL,
  dispute_id   text NOT NULL,
  nth          int NOT NULL,
  action       text NOT NULL,
  from_state   text NOT NULL,
  to_state     text NOT NULL,
  amount_minor bigint NOT NULL,
  missing      text NOT NULL,
  actor        text NOT NULL,
  reason       text NOT NULL,
  at           timestamptz NOT NULL,
  PRIMARY KEY (tenant, dispute_id, nth),
  FOREIGN KEY (tenant, dispute_id) REFERENCES dispute
);

-- Credit notes that were counted; dispute_id is null where none names a case.
CREATE TABLE credit_note (
  tenant         text NOT NULL,
  credit_note_id text NOT NULL,
  invoice_id     text NOT NULL,
  dispute_id     text,
  number         text NOT NULL,
  gross_minor    bigint NOT NULL CHECK (gross_minor > 0),
  PRIMARY KEY (tenant, credit_note_id),
  FOREIGN KEY (tenant, invoice_id) REFERENCES invoice,
  FOREIGN KEY (tenant, invoice_id, dispute_id) REFERENCES dispute (tenant, invoice_id, dispute_id)
);

SELECT protect('invoice');
SELECT protect('invoice_line');
SELECT protect('dispute');
SELECT protect('dispute_line');
SELECT protect('dispute_move');
SELECT protect('credit_note');

SELECT append_only('invoice_line');
SELECT append_only('dispute_move');
SELECT append_only('credit_note');
