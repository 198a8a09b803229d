-- What people may order here without asking, by person or by role.
CREATE TABLE spend_rule (
  tenant          text NOT NULL,
  rule_id         text NOT NULL,
  account_id      text NOT NULL,
  -- "contact:c1" or "role:REQUESTER".
  who             text NOT NULL,
  currency        text NOT NULL,
  -- Minor units; null: without limit.
  per_order_minor bigint,
  per_month_minor bigint,
  made_by         text NOT NULL,
  made_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant, rule_id),
  UNIQUE (tenant, account_id, who, currency)
);

-- What people order here: at once, or once somebody has approved it.
CREATE TABLE purchase (
  tenant       text NOT NULL,
  purchase_id  text NOT NULL,
  account_id   text NOT NULL,
  -- The contact who orders, and whoever acts for it, or ''.
  contact_id   text NOT NULL,
  ordered_by   text NOT NULL,
  currency     text NOT NULL,
  gross_minor  bigint NOT NULL,
  state        text NOT NULL CHECK (state IN ('AWAITING', 'PLACING', 'PLACED', 'REFUSED', 'EXPIRED')),
  -- Of the request that places it, as invoicing's contract has it; empty once that is settled.
  request      bytea NOT NULL,
  assurance    int NOT NULL,
  requested_at timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  -- Who approved or refused it: "contact:b", or "contact:b for contact:a".
  decided_by   text NOT NULL DEFAULT '',
  decided_at   timestamptz,
  -- Why it was refused: a code of ours or of invoicing.
  code         text NOT NULL DEFAULT '',
  order_id     text NOT NULL DEFAULT '',
  PRIMARY KEY (tenant, purchase_id)
);
CREATE INDEX purchase_account ON purchase (tenant, account_id, requested_at DESC);
CREATE INDEX purchase_contact ON purchase (tenant, contact_id, currency, requested_at);
CREATE INDEX purchase_waits ON purchase (expires_at) WHERE state = 'AWAITING';

SELECT protect(t) FROM unnest(ARRAY['spend_rule', 'purchase']::regclass[]) AS t;
SELECT protect_account(t) FROM unnest(ARRAY['spend_rule', 'purchase']::regclass[]) AS t;
