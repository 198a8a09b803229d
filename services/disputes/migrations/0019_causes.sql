-- What an invoice's lines are of (SKU); '' of those that were kept before.
ALTER TABLE invoice_line ADD COLUMN sku text NOT NULL DEFAULT '';

-- Why cases came about, as it is known when they end: one row a case, of its last end.
CREATE TABLE dispute_cause (
  tenant       text NOT NULL,
  dispute_id   text NOT NULL,
  cause        text NOT NULL,
  -- Whether somebody named it; else it is what is presumed of the case's reason.
  is_named     boolean NOT NULL,
  account_id   text NOT NULL,
  seller_id    text NOT NULL,
  site         text NOT NULL,
  cost_centre  text NOT NULL,
  currency     text NOT NULL,
  credit_minor bigint NOT NULL,
  ended_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, dispute_id),
  FOREIGN KEY (tenant, dispute_id) REFERENCES dispute
);
CREATE INDEX dispute_cause_newest ON dispute_cause (tenant, ended_at DESC);
CREATE INDEX dispute_cause_of_buyer ON dispute_cause (tenant, cause, account_id, ended_at);

-- The items of such a case.
CREATE TABLE dispute_cause_item (
  tenant     text NOT NULL,
  dispute_id text NOT NULL,
  sku        text NOT NULL,
  cause      text NOT NULL,
  ended_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant, dispute_id, sku),
  FOREIGN KEY (tenant, dispute_id) REFERENCES dispute
);
CREATE INDEX dispute_cause_item_newest ON dispute_cause_item (tenant, ended_at DESC);
CREATE INDEX dispute_cause_of_item ON dispute_cause_item (tenant, cause, sku, ended_at);

-- What is done so that a cause does not come about again.
CREATE TABLE corrective_action (
  tenant    text NOT NULL,
  action_id text NOT NULL,
  cause     text NOT NULL,
  kind      text NOT NULL CHECK (kind IN ('BUYER', 'ITEM')),
  -- An account's id, or an item's.
  about     text NOT NULL,
  owner     text NOT NULL,
  state     text NOT NULL,
  opened_at timestamptz NOT NULL,
  due_on    date NOT NULL,
  cases     int NOT NULL CHECK (cases > 0),
  done_at   timestamptz,
  moves     int NOT NULL,
  PRIMARY KEY (tenant, action_id)
);
-- One at a time of what cases have in common, and the newest.
CREATE UNIQUE INDEX corrective_action_live ON corrective_action (tenant, cause, kind, about)
  WHERE state IN ('OPEN', 'IN_PROGRESS', 'DONE');
CREATE INDEX corrective_action_of_key ON corrective_action (tenant, cause, kind, about, opened_at DESC);
CREATE INDEX corrective_action_newest ON corrective_action (tenant, opened_at DESC, action_id DESC);
CREATE INDEX corrective_action_due ON corrective_action (tenant, due_on, action_id) WHERE state IN ('OPEN', 'IN_PROGRESS', 'DONE');

SELECT protect('dispute_cause'), protect_account('dispute_cause'), protect_part_through('dispute_cause', 'dispute', 'dispute_id');
SELECT protect('dispute_cause_item'), protect_through('dispute_cause_item', 'dispute', 'dispute_id');
SELECT protect('corrective_action');
