-- How buyers pay: what became of each invoice, what was open when they ordered, and what is, or was, long overdue.

-- An invoice as the ledger told of it last.
CREATE TABLE item (
  tenant       text NOT NULL,
  invoice_id   text NOT NULL,
  account_id   text NOT NULL,
  due_on       date NOT NULL,
  amount_minor bigint NOT NULL,
  open_minor   bigint NOT NULL,
  currency     text NOT NULL,
  -- The value date of the payment that left nothing of it; NULL: it is open, or ended by a credit or a write-off.
  settled_on   date,
  -- The newest event of the ledger that it is of.
  sequence     bigint NOT NULL,
  PRIMARY KEY (tenant, invoice_id)
);
CREATE INDEX item_open ON item (account_id, tenant, due_on) WHERE open_minor > 0;
CREATE INDEX item_settled ON item (account_id, tenant, settled_on) WHERE settled_on IS NOT NULL;

-- The most that was owed and held on a day (UTC) after an order was granted; days without orders have no row.
CREATE TABLE open_day (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  day        date NOT NULL,
  most_minor bigint NOT NULL,
  PRIMARY KEY (tenant, account_id, day)
);

-- When an account's conduct is looked at next.
CREATE TABLE conduct (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  look_at    timestamptz NOT NULL,
  -- Why, beside the clock: codes of what happened since the last look.
  causes     text[] NOT NULL DEFAULT '{}',
  -- Since when more than nine tenths of the limit are used; NULL: they are not.
  full_since date,
  PRIMARY KEY (tenant, account_id)
);
CREATE INDEX conduct_look ON conduct (look_at);

-- What was paid more than 30 days late, or still is not: what credit given is judged by.
CREATE TABLE arrear (
  tenant       text NOT NULL,
  account_id   text NOT NULL,
  invoice_id   text NOT NULL,
  due_on       date NOT NULL,
  amount_minor bigint NOT NULL,
  currency     text NOT NULL,
  -- The first day on which it was more than 30 days late.
  since        date NOT NULL CHECK (since > due_on),
  -- NULL: it is not paid.
  settled_on   date,
  PRIMARY KEY (tenant, invoice_id)
);
CREATE INDEX arrear_of ON arrear (account_id, tenant, since);

SELECT protect(t), protect_account(t) FROM unnest(ARRAY['item', 'open_day', 'conduct', 'arrear']::regclass[]) AS t;
