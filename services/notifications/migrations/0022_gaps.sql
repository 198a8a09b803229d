-- When somebody was heard of last: came into the portal, wrote, moved a case.
ALTER TABLE contact ADD COLUMN heard_at timestamptz;

-- The accounts whose people the clock looks at, and when next.
CREATE TABLE people_watch (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  look_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id)
);
CREATE INDEX people_watch_next ON people_watch (look_at);

-- What an account misses, until it is filled.
CREATE TABLE contact_gap (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  what       text NOT NULL CHECK (what IN ('ROLE', 'SINGLE_CONTACT', 'SILENT')),
  -- Of ROLE the role, of SILENT the contact; else ''.
  who        text NOT NULL,
  since      timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id, what, who)
);
SELECT protect(t), protect_account(t) FROM unnest(ARRAY['people_watch', 'contact_gap']::regclass[]) AS t;

-- Accounts that are known already; spread over a day.
ALTER TABLE company NO FORCE ROW LEVEL SECURITY;
ALTER TABLE people_watch NO FORCE ROW LEVEL SECURITY;
INSERT INTO people_watch (tenant, account_id, look_at)
SELECT tenant, account_id, now() + random() * interval '1 day' FROM company;
ALTER TABLE people_watch FORCE ROW LEVEL SECURITY;
ALTER TABLE company FORCE ROW LEVEL SECURITY;
