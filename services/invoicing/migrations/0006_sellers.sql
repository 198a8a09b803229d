-- What a legal entity and a contract say, whole and in versions; whose an order is; what rounding leaves over; orders that
-- were refused. Every column has a default: the version before this one goes on writing beside it.

ALTER TABLE seller
  ADD COLUMN account_number text NOT NULL DEFAULT '',
  ADD COLUMN routing_number text NOT NULL DEFAULT '',
  ADD COLUMN language       text NOT NULL DEFAULT '',
  -- A name of the library `holidays`; empty: none.
  ADD COLUMN holidays       text NOT NULL DEFAULT '',
  -- HH:MM.
  ADD COLUMN opens_at       text NOT NULL DEFAULT '',
  ADD COLUMN closes_at      text NOT NULL DEFAULT '',
  ADD COLUMN other_rates    text NOT NULL DEFAULT 'REFUSE',
  -- The newest of seller_version; 0 where it was set before there were any.
  ADD COLUMN version        int NOT NULL DEFAULT 0;
ALTER TABLE contract
  ADD COLUMN language text NOT NULL DEFAULT '',
  ADD COLUMN version  int NOT NULL DEFAULT 0;

-- Each call's word on a legal entity, and on a contract: what held since when, until the next one.
CREATE TABLE seller_version (
  tenant      text NOT NULL,
  seller_id   text NOT NULL,
  version     int NOT NULL CHECK (version >= 1),
  valid_since timestamptz NOT NULL,
  -- services/invoicing/domain/parties.py, Seller; without the logo.
  said        jsonb NOT NULL,
  logo        bytea NOT NULL,
  PRIMARY KEY (tenant, seller_id, version),
  FOREIGN KEY (tenant, seller_id) REFERENCES seller
);
CREATE TABLE contract_version (
  tenant      text NOT NULL,
  account_id  text NOT NULL,
  version     int NOT NULL CHECK (version >= 1),
  valid_since timestamptz NOT NULL,
  -- services/invoicing/domain/parties.py, Contract.
  said        jsonb NOT NULL,
  PRIMARY KEY (tenant, account_id, version),
  FOREIGN KEY (tenant, account_id) REFERENCES contract
);

ALTER TABLE sales_order
  -- As told; empty: the tenant's only one.
  ADD COLUMN seller_id       text NOT NULL DEFAULT '',
  -- Whose it is, once that is known: the one that is named, or the only one when it was placed.
  ADD COLUMN issuer          text NOT NULL DEFAULT '',
  -- To be invoiced whole on approval, which is not decided yet: what ships meanwhile is recorded only.
  ADD COLUMN awaits_decision boolean NOT NULL DEFAULT false;
ALTER TABLE shipment
  -- [[line, quantity as text], …]: what of its lines had left in shipments before.
  ADD COLUMN before jsonb NOT NULL DEFAULT '[]';
ALTER TABLE issued
  -- Of its words; empty of what was issued before there was a choice.
  ADD COLUMN language       text NOT NULL DEFAULT '',
  -- BT-114.
  ADD COLUMN rounding_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE issued_line
  -- BG-27 of net_minor; below zero: BG-28.
  ADD COLUMN allowance_minor bigint NOT NULL DEFAULT 0;

-- Orders that were refused at the door, so that what ships of them is refused too and does not wait for ever.
CREATE TABLE refused_order (
  tenant   text NOT NULL,
  order_id text NOT NULL,
  version  int NOT NULL,
  code     text NOT NULL,
  PRIMARY KEY (tenant, order_id)
);

SELECT protect(t) FROM unnest(ARRAY['seller_version', 'contract_version', 'refused_order']::regclass[]) AS t;
SELECT append_only(t) FROM unnest(ARRAY['seller_version', 'contract_version']::regclass[]) AS t;
