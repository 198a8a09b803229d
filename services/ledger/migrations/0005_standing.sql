-- What the ledger tells of an item besides its amount, where its seller is, and payments that meet more items than one
-- transaction should write.

-- US sales tax is owed to a state: 2210. What is posted was checked against fewer numbers, so nothing is read again.
ALTER DOMAIN chart_account DROP CONSTRAINT chart_account_check;
ALTER DOMAIN chart_account ADD CONSTRAINT chart_account_check CHECK (VALUE IN (
  1000, 1010, 1100, 1190, 1300, 2100, 2110, 2200, 2210, 2400, 4000, 4010, 4020, 4030, 4900, 4910,
  6100, 6110, 6900, 6950, 7800, 7810, 7900, 9000, 9001, 9100, 9101, 9200, 9201)) NOT VALID;

-- The invoice's own: who issued it, what part of the buyer's company it concerns, and what of the amount is rounding in
-- cash, beside net and tax.
ALTER TABLE item
  ADD COLUMN rounding_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN seller_id      text NOT NULL DEFAULT '',
  ADD COLUMN site           text NOT NULL DEFAULT '',
  ADD COLUMN cost_centre    text NOT NULL DEFAULT '',
  ADD COLUMN purchase_order text NOT NULL DEFAULT '';

-- Of net_minor what is US sales tax, and what rounding in cash adds to net and tax: a credit note gives all of it back.
ALTER TABLE credit_note
  ADD COLUMN sales_tax_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN rounding_minor  bigint NOT NULL DEFAULT 0,
  DROP CONSTRAINT credit_note_check,
  ADD CONSTRAINT credit_note_parts CHECK (sales_tax_minor BETWEEN 0 AND net_minor
    AND kept_minor BETWEEN 0 AND net_minor + tax_minor + rounding_minor) NOT VALID;

-- The last word of the disputes service that was followed, by its number within the account: an older one changes nothing.
ALTER TABLE dispute ADD COLUMN said bigint NOT NULL DEFAULT 0;

-- A legal entity that issues invoices. Its business days are days in its zone; not told yet: NULL. Names of zones that
-- this server does not know are refused.
CREATE TABLE seller (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  version   int NOT NULL,
  time_zone text CHECK (time_zone IS NULL OR timezone(time_zone, timestamptz 'epoch') IS NOT NULL),
  PRIMARY KEY (tenant, seller_id)
);

-- Numbers that a payment named though nothing was owed of them any more, in its order: probably paid twice.
CREATE TABLE double_payment (
  tenant     text NOT NULL,
  payment_id text NOT NULL,
  nth        int NOT NULL,
  number     text NOT NULL,
  PRIMARY KEY (tenant, payment_id, nth),
  FOREIGN KEY (tenant, payment_id) REFERENCES payment
);

-- A payment that is still being matched with what is oldest due, a chunk in each transaction. Those of one account and
-- currency are matched in their order, one after the other.
CREATE TABLE matching (
  tenant     text NOT NULL,
  payment_id text NOT NULL,
  account_id text NOT NULL,
  currency   text NOT NULL,
  turn       bigint GENERATED ALWAYS AS IDENTITY,
  -- How many items it has met.
  met        int NOT NULL,
  PRIMARY KEY (tenant, payment_id),
  FOREIGN KEY (tenant, payment_id) REFERENCES payment
);
CREATE INDEX matching_turn ON matching (account_id, currency, tenant, turn);

SELECT protect('seller'), protect('double_payment'), protect('matching');
SELECT append_only('double_payment');
