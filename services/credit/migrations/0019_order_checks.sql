-- What a buyer's orders are compared with, orders that looked wrong, and how often the rules on fraud were right.

-- A buyer's newest orders, as domain/habits.py packs them: bounded, and changed with each order.
CREATE TABLE order_habit (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  orders     bytea NOT NULL,
  PRIMARY KEY (tenant, account_id),
  FOREIGN KEY (tenant, account_id) REFERENCES account
) WITH (fillfactor = 50);
-- It is of bytes that do not repeat.
ALTER TABLE order_habit ALTER COLUMN orders SET STORAGE EXTERNAL;

-- A person's check of one version of an order that looked wrong.
CREATE TABLE order_check (
  tenant      text NOT NULL,
  order_id    text NOT NULL,
  version     int NOT NULL,
  account_id  text NOT NULL,
  reason_code text NOT NULL CHECK (reason_code IN ('fraud_hold', 'fraud_review', 'step_up')),
  -- The rules that stopped it.
  rules       text[] NOT NULL,
  -- What shows that all is well; '': a person decides.
  clears      text NOT NULL,
  -- Who sees to it; '': nobody yet.
  owner       text NOT NULL DEFAULT '',
  placed_at   timestamptz NOT NULL,
  usually_by  timestamptz NOT NULL,
  latest_by   timestamptz NOT NULL,
  -- Which of its times was told to be over.
  told        text NOT NULL DEFAULT '' CHECK (told IN ('', 'AT_RISK', 'LATE')),
  -- Who recorded what came of it; '': nobody did.
  answered_by text NOT NULL DEFAULT '',
  is_clear    boolean NOT NULL DEFAULT false,
  -- When it was to wait for nothing any more.
  closed_at   timestamptz,
  PRIMARY KEY (tenant, order_id, version),
  FOREIGN KEY (tenant, order_id, version) REFERENCES hold
);
CREATE INDEX order_check_queue ON order_check (tenant, latest_by, order_id) WHERE closed_at IS NULL;
CREATE INDEX order_check_due ON order_check (usually_by) WHERE closed_at IS NULL AND told <> 'LATE';

-- What a rule saw in an order: for the seller's people alone. Of one that was built anew nothing but the rule and its action.
CREATE TABLE order_hit (
  tenant        text NOT NULL,
  order_id      text NOT NULL,
  version       int NOT NULL,
  rule          text NOT NULL,
  account_id    text NOT NULL,
  action        text NOT NULL,
  feature       text NOT NULL,
  value         text NOT NULL,
  threshold     text NOT NULL,
  compared_with text NOT NULL,
  source        text NOT NULL,
  seen_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant, order_id, version, rule),
  FOREIGN KEY (tenant, order_id, version) REFERENCES hold
);

-- How often a rule on fraud was right, since it last came out of the shadow, and since when it stops nothing.
CREATE TABLE fraud_rule (
  tenant       text NOT NULL,
  rule         text NOT NULL,
  hits         int NOT NULL,
  confirmed    int NOT NULL CHECK (confirmed BETWEEN 0 AND hits),
  shadow_since timestamptz,
  -- Who wants it out of the shadow; '': nobody.
  asked_by     text NOT NULL,
  PRIMARY KEY (tenant, rule)
);

SELECT protect('fraud_rule');
SELECT protect(t), protect_account(t) FROM unnest(ARRAY['order_habit', 'order_check', 'order_hit']::regclass[]) AS t;
SELECT protect_part_through('order_check', 'hold', 'order_id', 'version'),
       protect_part_through('order_hit', 'hold', 'order_id', 'version');
SELECT append_only('order_hit');
