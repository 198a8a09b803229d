-- What buyers may owe: from when on, as it was known when, and more than that for a while.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- What was granted for which time, and since when and until when that was what we knew: nothing is ever overwritten.
CREATE TABLE limit_grant (
  tenant       text NOT NULL,
  account_id   text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  valid_from   timestamptz NOT NULL,
  -- NULL: until another is granted.
  valid_until  timestamptz CHECK (valid_until > valid_from),
  known_from   timestamptz NOT NULL,
  -- NULL: it is what we know.
  known_until  timestamptz CHECK (known_until > known_from),
  PRIMARY KEY (tenant, account_id, valid_from, known_from),
  FOREIGN KEY (tenant, account_id) REFERENCES account,
  CONSTRAINT one_limit_at_a_time EXCLUDE USING gist (
    tenant WITH =, account_id WITH =, tstzrange(valid_from, valid_until) WITH &&, tstzrange(known_from, known_until) WITH &&)
);
SELECT protect('limit_grant'), protect_account('limit_grant');

-- More than that for a while, once another person has approved it.
CREATE TABLE limit_uplift (
  tenant       text NOT NULL,
  uplift_id    text NOT NULL,
  account_id   text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     text NOT NULL,
  -- NULL: from its approval on.
  valid_from   timestamptz,
  valid_until  timestamptz NOT NULL CHECK (valid_until > valid_from),
  reason_code  text NOT NULL,
  asked_by     text NOT NULL,
  approved_by  text CHECK (approved_by <> asked_by),
  approved_at  timestamptz CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
  ended_at     timestamptz,
  PRIMARY KEY (tenant, uplift_id),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);
CREATE INDEX limit_uplift_standing ON limit_uplift (tenant, account_id, uplift_id) WHERE ended_at IS NULL;
-- What counted at any time, ended or not.
CREATE INDEX limit_uplift_counted ON limit_uplift (tenant, account_id, valid_from);
-- Those that nobody approved in time end too.
CREATE INDEX limit_uplift_until ON limit_uplift (valid_until) WHERE ended_at IS NULL;
SELECT protect('limit_uplift'), protect_account('limit_uplift');

-- limit_minor is what may be owed now, uplifts included, until then; NULL: until somebody changes it.
ALTER TABLE account ADD COLUMN limit_until timestamptz;

-- Whoever opens an account, the version before this one too, grants its first limit.
CREATE FUNCTION grant_first_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO limit_grant (tenant, account_id, amount_minor, valid_from, known_from)
  VALUES (NEW.tenant, NEW.account_id, NEW.limit_minor, NEW.registered_at, NEW.registered_at);
  RETURN NULL;
END $$;
CREATE TRIGGER first_limit AFTER INSERT ON account FOR EACH ROW EXECUTE FUNCTION grant_first_limit();

-- Of what was granted before, what counts now is all that is known.
ALTER TABLE account NO FORCE ROW LEVEL SECURITY;
ALTER TABLE limit_grant NO FORCE ROW LEVEL SECURITY;
INSERT INTO limit_grant (tenant, account_id, amount_minor, valid_from, known_from)
SELECT tenant, account_id, limit_minor, registered_at, registered_at FROM account;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
ALTER TABLE limit_grant FORCE ROW LEVEL SECURITY;
