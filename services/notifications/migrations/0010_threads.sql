-- What buyer and seller write to each other about something, and what the seller's people note for themselves: of what
-- journey knows, and seen by whoever sees that.
CREATE TABLE thread (
  tenant     text NOT NULL,
  about      text NOT NULL,
  account_id text NOT NULL,
  -- The newest message and note; 0: there is none.
  last_nth   bigint NOT NULL DEFAULT 0,
  last_note  bigint NOT NULL DEFAULT 0,
  -- When something was written last.
  last_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, about)
);
CREATE INDEX thread_newest ON thread (tenant, last_at, about) WHERE last_nth > 0;

CREATE TABLE thread_message (
  tenant     text NOT NULL,
  about      text NOT NULL,
  nth        bigint NOT NULL,
  account_id text NOT NULL,
  author     text NOT NULL,
  -- '' once it is forgotten.
  text       text NOT NULL,
  channel    text NOT NULL CHECK (channel IN ('PORTAL', 'MAIL')),
  -- Ids of contacts.
  mentions   text[] NOT NULL,
  at         timestamptz NOT NULL,
  PRIMARY KEY (tenant, about, nth)
);
CREATE INDEX thread_message_writers ON thread_message USING gin (string_to_array(author, ' for ')) WHERE text <> '';
CREATE INDEX thread_message_age ON thread_message (at, tenant);

-- A table of its own: nothing that a buyer asks reads it.
CREATE TABLE note (
  tenant     text NOT NULL,
  about      text NOT NULL,
  nth        bigint NOT NULL,
  account_id text NOT NULL,
  author     text NOT NULL,
  -- '' once it is forgotten.
  text       text NOT NULL,
  at         timestamptz NOT NULL,
  PRIMARY KEY (tenant, about, nth)
);
CREATE INDEX note_writers ON note USING gin (string_to_array(author, ' for ')) WHERE text <> '';
CREATE INDEX note_age ON note (at, tenant);

-- How far somebody has read a thread.
CREATE TABLE reader (
  tenant     text NOT NULL,
  -- "contact:c1", "user:u1".
  reader     text NOT NULL,
  about      text NOT NULL,
  account_id text NOT NULL,
  nth        bigint NOT NULL,
  PRIMARY KEY (tenant, reader, about)
);

SELECT protect(t), protect_account(t), protect_part_through(t, 'journey', 'about')
  FROM unnest(ARRAY['thread', 'thread_message', 'note', 'reader']::regclass[]) AS t;
