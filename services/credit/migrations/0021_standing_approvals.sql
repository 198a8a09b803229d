-- Approvals given once for what is alike, within bounds.
CREATE TABLE standing_approval (
  tenant       text NOT NULL,
  approval_id  text NOT NULL,
  -- '': of all accounts.
  account_id   text NOT NULL,
  kinds        text[] NOT NULL CHECK (kinds <@ ARRAY['RELEASE_ORDER', 'UPLIFT']),
  -- Stable codes; none: any. For whom, and on which cost centre; '': any.
  categories   text[] NOT NULL,
  person       text NOT NULL,
  cost_centre  text NOT NULL,
  currency     text NOT NULL,
  -- At most an act, and in a period of so many days, counted from valid_from.
  act_minor    bigint NOT NULL CHECK (act_minor > 0),
  period_minor bigint NOT NULL CHECK (period_minor >= act_minor),
  period_count int NOT NULL CHECK (period_count > 0),
  period_days  int NOT NULL CHECK (period_days > 0),
  -- NULL: since it is confirmed.
  valid_from   timestamptz,
  valid_until  timestamptz NOT NULL CHECK (valid_until > valid_from),
  granted_by   text NOT NULL,
  granted_at   timestamptz NOT NULL,
  -- By what else whoever granted it is known, as keyed hashes.
  known_by     text[] NOT NULL DEFAULT '{}',
  confirmed_by text CHECK (confirmed_by <> granted_by),
  confirmed_at timestamptz CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL)),
  revoked_by   text,
  revoked_at   timestamptz CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
  PRIMARY KEY (tenant, approval_id)
);
CREATE INDEX standing_approval_newest ON standing_approval (tenant, granted_at DESC, approval_id DESC);
CREATE INDEX standing_approval_of_account ON standing_approval (tenant, account_id, granted_at DESC, approval_id DESC);
CREATE INDEX standing_approval_stands ON standing_approval (tenant, account_id, approval_id) WHERE revoked_at IS NULL;

-- What was approved so, each act once: what is used of a period is their sum.
CREATE TABLE standing_use (
  tenant       text NOT NULL,
  act          text NOT NULL,
  approval_id  text NOT NULL,
  account_id   text NOT NULL,
  kind         text NOT NULL,
  category     text NOT NULL,
  currency     text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  used_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant, act)
);
CREATE INDEX standing_use_newest ON standing_use (tenant, approval_id, used_at DESC, act DESC);

SELECT protect(t), protect_account(t) FROM unnest(ARRAY['standing_approval', 'standing_use']::regclass[]) AS t;
SELECT append_only('standing_use');
