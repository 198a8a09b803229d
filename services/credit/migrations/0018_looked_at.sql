-- What applications show of themselves beyond their facts: lists and domains, files, calls back, names that were cleared.

-- What an application was compared with when it was looked at last: receivables.credit.v1.Look. It is made anew with each
-- decision.
CREATE TABLE application_look (
  tenant         text NOT NULL,
  application_id text NOT NULL,
  account_id     text NOT NULL,
  look           bytea NOT NULL,
  looked_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant, application_id),
  FOREIGN KEY (tenant, application_id) REFERENCES application
);

-- Calls to companies at numbers that they did not give. Number and name are forgotten with who wrote them.
CREATE TABLE call_back (
  tenant         text NOT NULL,
  call_back_id   text NOT NULL,
  application_id text NOT NULL,
  account_id     text NOT NULL,
  number         text NOT NULL,
  number_source  text NOT NULL CHECK (number_source IN ('REGISTER', 'WEBSITE', 'DIRECTORY', 'OWN_RECORDS')),
  spoke_with     text NOT NULL,
  outcome        text NOT NULL CHECK (outcome IN ('CONFIRMED', 'DENIED', 'NOT_REACHED')),
  ship_to        boolean NOT NULL,
  recorded_by    text NOT NULL,
  recorded_at    timestamptz NOT NULL,
  -- Columns, since under row-level security no index serves what an array contains.
  writer         text NOT NULL GENERATED ALWAYS AS (split_part(recorded_by, ' for ', 1)) STORED,
  written_for    text NOT NULL GENERATED ALWAYS AS (split_part(recorded_by, ' for ', 2)) STORED,
  PRIMARY KEY (tenant, call_back_id),
  FOREIGN KEY (tenant, application_id) REFERENCES application
);
CREATE INDEX call_back_of ON call_back (application_id, tenant, recorded_at);
CREATE INDEX call_back_kept ON call_back (tenant, recorded_at) WHERE number <> '';
CREATE INDEX call_back_written_by ON call_back (tenant, writer) WHERE number <> '';
CREATE INDEX call_back_written_for ON call_back (tenant, written_for) WHERE number <> '' AND written_for <> '';

-- Who of a company is somebody else than an entry of a list, by a SHA-256 of the name; where the policy wants two persons
-- it counts once the second has said so.
CREATE TABLE match_cleared (
  tenant       text NOT NULL,
  account_id   text NOT NULL,
  list         text NOT NULL,
  entry_id     text NOT NULL,
  name         text NOT NULL,
  found_by     text NOT NULL,
  found_at     timestamptz NOT NULL,
  confirmed_by text NOT NULL,
  cleared_at   timestamptz,
  PRIMARY KEY (tenant, account_id, list, entry_id, name),
  CHECK (NOT string_to_array(found_by, ' for ') && string_to_array(confirmed_by, ' for '))
);

SELECT protect(t), protect_account(t) FROM unnest(ARRAY['application_look', 'call_back', 'match_cleared']::regclass[]) AS t;
SELECT append_only('call_back');
DO $$ BEGIN
  EXECUTE format('GRANT UPDATE (number, spoke_with) ON call_back TO %I', current_setting('ar.server_role'));
END $$;

-- When a file was written and changed last, as it said itself, and what day of issue the document tells.
ALTER TABLE application_document ADD COLUMN written_at timestamptz, ADD COLUMN changed_at timestamptz,
  ADD COLUMN issued_on date;

-- Where the seller has its mail; '': not told.
ALTER TABLE seller ADD COLUMN domain text NOT NULL DEFAULT '';
