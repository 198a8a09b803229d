-- Mail that comes to us: replies to cases, and reports of what became of our own mail.

-- A mail until it is read; after that its row says that it came, so that the same mail is not taken twice.
CREATE TABLE post (
  tenant     text NOT NULL,
  -- Made of its Message-ID and of the address that it came to.
  post_id    text NOT NULL,
  account_id text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('REPLY', 'REPORT')),
  -- What it replies to ("invoice/…"), or of which mail it reports: whose it was, and its key.
  about      text NOT NULL,
  contact_id text NOT NULL,
  mail_key   text NOT NULL,
  -- As it came; null once it is read.
  content    bytea,
  came_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, post_id)
);
CREATE INDEX post_age ON post (came_at, tenant);
SELECT protect('post'), protect_account('post');

-- Where reports of a mail go: the unguessable part of the address that it is sent from. Null: it went before this.
ALTER TABLE mail ADD COLUMN token text;
ALTER TABLE mail ALTER COLUMN token SET DEFAULT replace(gen_random_uuid()::text, '-', '');

-- What a reply repeats of what was written before, and how many files of it were left out.
ALTER TABLE thread_message
  ADD COLUMN folded   text NOT NULL DEFAULT '',
  ADD COLUMN left_out int  NOT NULL DEFAULT 0;

-- Of a mail whose writer is not shown to be one of ours ("mail:unverified"): the address that it names, and the person of
-- ours, if any, whose address that is ("contact:c1", "user:u1").
ALTER TABLE note
  ADD COLUMN folded   text NOT NULL DEFAULT '',
  ADD COLUMN left_out int  NOT NULL DEFAULT 0,
  ADD COLUMN sender   text NOT NULL DEFAULT '',
  ADD COLUMN claims   text NOT NULL DEFAULT '';

-- Whoever reported our mail as unwanted: what only informs goes there no more.
ALTER TABLE contact ADD COLUMN complained_at timestamptz;
