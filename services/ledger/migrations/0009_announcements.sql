-- What buyers say they are paying before the money is here: no money, and in no entry.
CREATE TABLE announcement (
  tenant       text NOT NULL,
  -- "P-2026-000042"
  reference    text NOT NULL,
  account_id   text NOT NULL,
  currency     text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  -- The items that it pays, and how much of each: announced, shown and told as one.
  invoice_ids  text[] NOT NULL,
  part_minors  bigint[] NOT NULL,
  -- NULL: not said.
  expected_on  date,
  state        text NOT NULL CHECK (state IN ('EXPECTED', 'RECEIVED', 'WITHDRAWN')),
  announced_by text NOT NULL,
  announced_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, reference),
  FOREIGN KEY (tenant, account_id) REFERENCES account,
  CHECK (cardinality(invoice_ids) = cardinality(part_minors))
);
-- In the order in which they are listed; those that are expected also to be found by payments of their accounts.
CREATE INDEX announcement_newest ON announcement (tenant, announced_at, reference);
CREATE INDEX announcement_of_account ON announcement (tenant, account_id, announced_at, reference);
CREATE INDEX announcement_expected ON announcement (tenant, announced_at, reference) WHERE state = 'EXPECTED';
CREATE INDEX announcement_expected_of_account ON announcement (tenant, account_id, announced_at, reference)
  WHERE state = 'EXPECTED';

-- The last number given to an announcement of a tenant and business year.
CREATE TABLE announcement_series (
  tenant text NOT NULL,
  year   int NOT NULL,
  last   int NOT NULL CHECK (last > 0),
  PRIMARY KEY (tenant, year)
);

SELECT protect('announcement'), protect('announcement_series');
SELECT append_only('announcement');
DO $$ BEGIN EXECUTE format('GRANT UPDATE (state) ON announcement TO %I', current_setting('ar.server_role')); END $$;

-- Whoever is bound to parts of a company sees what is paid of those parts alone: an announcement all of whose items they
-- see (chassis/0006_accounts_apart.sql, seen_with: why not SQL). For who looks, as payments of a whole company end it.
CREATE FUNCTION announcement_is_of_seen_items(tenant text, invoice_ids text[])
RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  wanted text;
BEGIN
  -- One by one, by the key: for a list of them a plan would be made each time.
  FOREACH wanted IN ARRAY invoice_ids LOOP
    IF NOT EXISTS (SELECT FROM item WHERE item.tenant = $1 AND item.invoice_id = wanted) THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;
SELECT protect_account('announcement');
CREATE POLICY of_part ON announcement AS RESTRICTIVE FOR SELECT
  USING ((SELECT all_parts()) OR announcement_is_of_seen_items(tenant, invoice_ids));
