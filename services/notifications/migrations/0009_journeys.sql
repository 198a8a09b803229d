-- How far an order, an invoice, a case or a payment is: one row, which the events change.
CREATE TABLE journey (
  tenant         text NOT NULL,
  -- "order/…", "invoice/…", "dispute/…", "payment/…".
  about          text NOT NULL,
  account_id     text NOT NULL,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  -- What people call it, if not by its id.
  name           text NOT NULL,
  seller_id      text NOT NULL,
  -- Of an order; 0: not known, or none.
  version        int NOT NULL,
  -- By what it ended before its last step; '' if it did not.
  ended          text NOT NULL,
  ended_at       timestamptz,
  -- Its steps by their codes: when they were done, what is promised and was before.
  legs           jsonb NOT NULL,
  began_at       timestamptz NOT NULL,
  -- When somebody is to be told that a promise is at risk, by the business clock; null: there is none.
  warn_at        timestamptz,
  PRIMARY KEY (tenant, about)
);
-- Not tenant first: see contact_account.
CREATE INDEX journey_name ON journey (name, tenant) WHERE name <> '';
CREATE INDEX journey_at_risk ON journey (warn_at) WHERE warn_at IS NOT NULL;
CREATE INDEX journey_began ON journey (began_at, tenant);
SELECT protect('journey'), protect_account('journey'), protect_part('journey');
