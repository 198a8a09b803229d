-- Who may owe how much, what is reserved for which order, and why.

CREATE TABLE account (
  tenant        text NOT NULL,
  account_id    text NOT NULL,
  -- The company as the contract says it (receivables.common.v1.Company).
  company       bytea NOT NULL,
  currency      text NOT NULL,
  limit_minor   bigint NOT NULL CHECK (limit_minor >= 0),
  -- Every term of B2 but the reservations; below zero if the buyer paid too much.
  used_minor    bigint NOT NULL DEFAULT 0,
  held_minor    bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
  on_hold       boolean NOT NULL DEFAULT false,
  registered_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id)
);

-- One row a version of an order; no foreign key to account, since an unknown buyer's order is declined and kept.
CREATE TABLE hold (
  tenant         text NOT NULL,
  order_id       text NOT NULL,
  version        int NOT NULL,
  account_id     text NOT NULL,
  state          text NOT NULL CHECK (state IN
                   ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED', 'CAPTURED', 'RELEASED', 'EXPIRED', 'REFUSED')),
  currency       text NOT NULL,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  held_minor     bigint NOT NULL CHECK (held_minor BETWEEN 0 AND amount_minor),
  captured_minor bigint NOT NULL CHECK (captured_minor >= 0),
  expires_at     timestamptz NOT NULL,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  PRIMARY KEY (tenant, order_id, version)
);
CREATE INDEX hold_expiry ON hold (expires_at) WHERE state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED');
CREATE INDEX hold_referred ON hold (tenant, order_id) WHERE state = 'REFERRED';

-- Every answer, the engine's and a person's: written once.
CREATE TABLE decision (
  tenant         text NOT NULL,
  decision_id    text NOT NULL,
  order_id       text NOT NULL,
  version        int NOT NULL,
  account_id     text NOT NULL,
  outcome        text NOT NULL CHECK (outcome IN ('APPROVED', 'REFERRED', 'DECLINED')),
  reasons        text[] NOT NULL,
  decided_by     text NOT NULL,
  currency       text NOT NULL,
  amount_minor   bigint NOT NULL,
  headroom_minor bigint,
  expires_at     timestamptz,
  decided_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, decision_id),
  FOREIGN KEY (tenant, order_id, version) REFERENCES hold
);
CREATE INDEX decision_order ON decision (tenant, order_id, version, decided_at);

-- Every change of used and held, with its cause: their sums are the account's columns.
CREATE TABLE movement (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  cause      text NOT NULL,
  used_minor bigint NOT NULL,
  held_minor bigint NOT NULL,
  at         timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id, cause),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);

SELECT protect('account'), protect('hold'), protect('decision'), protect('movement');
SELECT append_only('decision'), append_only('movement');
