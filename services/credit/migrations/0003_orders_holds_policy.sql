-- Which account an order belongs to, what left of it, what the ledger told last; holds on accounts; what a seller decides by.

-- The account that placed an order first, by whichever door: where two place one order at once, the second waits here.
CREATE TABLE order_of (
  tenant     text NOT NULL,
  order_id   text NOT NULL,
  account_id text NOT NULL,
  PRIMARY KEY (tenant, order_id)
);

-- What left of an order, each shipment once, whether the order is known or not.
CREATE TABLE shipment (
  tenant      text NOT NULL,
  order_id    text NOT NULL,
  account_id  text NOT NULL,
  shipment_id text NOT NULL,
  PRIMARY KEY (tenant, order_id, account_id, shipment_id)
);

ALTER TABLE hold
  -- The legal entity that sells; '': the tenant's first.
  ADD COLUMN seller_id text NOT NULL DEFAULT '',
  -- How many invoices of this order the ledger told.
  ADD COLUMN invoiced int NOT NULL DEFAULT 0,
  -- What is left when all that shipped is invoiced is given back.
  ADD COLUMN cancelled boolean NOT NULL DEFAULT false,
  -- NULL: it never lapses, for something of it has shipped.
  ALTER COLUMN expires_at DROP NOT NULL;

-- The number of the ledger's event whose balance used_minor is.
ALTER TABLE account ADD COLUMN applied_sequence bigint NOT NULL DEFAULT 0;

-- Orders of an account, or of a part of it (each part that is named), are declined until it is lifted or over.
CREATE TABLE account_hold (
  tenant         text NOT NULL,
  hold_id        text NOT NULL,
  account_id     text NOT NULL,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  reason_code    text NOT NULL,
  reason         text NOT NULL,
  owner          text NOT NULL,
  -- When it ends by itself; NULL: when somebody lifts it.
  until          timestamptz,
  placed_at      timestamptz NOT NULL,
  placed_by      text NOT NULL,
  lifted_at      timestamptz,
  lifted_by      text,
  PRIMARY KEY (tenant, hold_id),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);
CREATE INDEX account_hold_standing ON account_hold (tenant, account_id, hold_id) WHERE lifted_at IS NULL;
CREATE INDEX account_hold_until ON account_hold (until) WHERE lifted_at IS NULL;

-- What the seller decides by, each version written once; the newest holds.
CREATE TABLE policy (
  tenant         text NOT NULL,
  version        int NOT NULL,
  referral_share numeric NOT NULL CHECK (referral_share BETWEEN 0 AND 1),
  hold_days      int NOT NULL CHECK (hold_days BETWEEN 0 AND 365),
  set_at         timestamptz NOT NULL,
  set_by         text NOT NULL,
  PRIMARY KEY (tenant, version)
);

-- Where the legal entities are, as invoicing told.
CREATE TABLE seller (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  version   int NOT NULL,
  time_zone text NOT NULL,
  -- In the order in which they became known.
  nth       bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (tenant, seller_id)
);

-- What the ledger told of an account and waits among the parked events, by the event's key. Keys of what cannot be read
-- may be of any length.
CREATE INDEX parked_of_account ON parked (substr(key, 1, 1000), id)
  WHERE closed_at IS NULL AND topic = 'receivables.ledger.v1';

SELECT protect('order_of'), protect('shipment'), protect('account_hold'), protect('policy'), protect('seller');
SELECT append_only('shipment'), append_only('policy');
