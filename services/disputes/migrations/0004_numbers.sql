-- Numbers that people can say, the seller's clock and policy, and what was decided to be credited of each VAT rate.

-- The clock of a legal entity, as SellerChanged last told it.
CREATE TABLE seller (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  version   int NOT NULL,
  time_zone text NOT NULL,
  holidays  text NOT NULL,
  PRIMARY KEY (tenant, seller_id)
);
-- '' of what came before.
ALTER TABLE invoice ADD COLUMN seller_id text NOT NULL DEFAULT '';

-- What cases run by; the newest version counts.
CREATE TABLE policy (
  tenant            text NOT NULL,
  version           int NOT NULL CHECK (version > 0),
  window_days       int NOT NULL,
  answer_days       int NOT NULL,
  customer_days     int NOT NULL,
  reopen_days       int NOT NULL,
  first_answer_days int NOT NULL,
  set_by            text NOT NULL,
  set_at            timestamptz NOT NULL,
  PRIMARY KEY (tenant, version)
);

-- The last number given to a case of a tenant and business year.
CREATE TABLE case_series (
  tenant text NOT NULL,
  year   int NOT NULL,
  last   int NOT NULL CHECK (last > 0),
  PRIMARY KEY (tenant, year)
);
-- "D-2026-0042"; '' until a case of before is moved.
ALTER TABLE dispute ADD COLUMN number text NOT NULL DEFAULT '';

-- What resolutions had credited of an invoice, by category and rate of VAT.
CREATE TABLE credited_rate (
  tenant       text NOT NULL,
  invoice_id   text NOT NULL,
  vat_category text NOT NULL,
  vat_rate     numeric NOT NULL,
  net_minor    bigint NOT NULL CHECK (net_minor >= 0),
  tax_minor    bigint NOT NULL CHECK (tax_minor >= 0),
  PRIMARY KEY (tenant, invoice_id, vat_category, vat_rate),
  FOREIGN KEY (tenant, invoice_id) REFERENCES invoice
);

SELECT protect('seller');
SELECT protect('policy');
SELECT protect('case_series');
SELECT protect('credited_rate');
SELECT append_only('policy');
