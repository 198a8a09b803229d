-- What the seller's people take somebody for; '': as the roles suggest.
ALTER TABLE contact
  ADD COLUMN influence text NOT NULL DEFAULT '' CHECK (influence IN ('', 'DECIDER', 'INFLUENCER', 'USER')),
  -- Of the address: who has another of the same is perhaps of the same group. A column, as under row-level security an index
  -- serves no expression.
  ADD COLUMN domain    text NOT NULL GENERATED ALWAYS AS (lower(split_part(email, '@', 2))) STORED;

-- Who of the seller's people answers for an account.
CREATE TABLE team (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  -- Contacts of the seller; '': nobody.
  owner      text NOT NULL,
  stand_in   text NOT NULL,
  set_by     text NOT NULL,
  set_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id)
);
CREATE INDEX team_owner ON team (owner, tenant);
CREATE INDEX team_stand_in ON team (stand_in, tenant) WHERE stand_in <> '';

-- What one of the seller's people looks like.
CREATE TABLE picture (
  tenant     text NOT NULL,
  contact_id text NOT NULL,
  sha256     text NOT NULL,
  media_type text NOT NULL CHECK (media_type IN ('image/jpeg', 'image/png')),
  content    bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 102400),
  PRIMARY KEY (tenant, contact_id)
);
CREATE INDEX picture_hash ON picture (sha256, tenant);
SELECT protect('team'), protect_account('team'), protect('picture');

-- That nobody of the seller's people answers for an account is a gap too; of accounts that were known before nobody is asked.
ALTER TABLE contact_gap DROP CONSTRAINT contact_gap_what_check;
ALTER TABLE contact_gap ADD CONSTRAINT contact_gap_what_known
  CHECK (what IN ('ROLE', 'SINGLE_CONTACT', 'SILENT', 'OWNER')) NOT VALID;
ALTER TABLE people_watch ADD COLUMN is_new boolean NOT NULL DEFAULT false;
ALTER TABLE people_watch ALTER COLUMN is_new SET DEFAULT true;
