-- What buyers' systems say of invoices (Peppol Invoice Response), in the order in which it came. What people wrote in it can
-- be forgotten; the codes stay.
CREATE TABLE response (
  tenant       text NOT NULL,
  invoice_id   text NOT NULL,
  -- From 1; the last is where the invoice stands at the buyer.
  nth          int NOT NULL CHECK (nth > 0),
  -- The sender's own: a repeat is known by it.
  message_id   text NOT NULL,
  sha256       text NOT NULL,
  status       text NOT NULL,
  issued_on    date NOT NULL,
  effective_on date,
  reasons      text[] NOT NULL,
  actions      text[] NOT NULL,
  -- Business terms that would have to be otherwise.
  terms        text[] NOT NULL,
  -- The case that it opened, or that was open already; '': none.
  dispute_id   text NOT NULL,
  opened       boolean NOT NULL CHECK (NOT opened OR dispute_id <> ''),
  words        text NOT NULL,
  received_by  text NOT NULL,
  received_at  timestamptz NOT NULL,
  writer       text NOT NULL GENERATED ALWAYS AS (split_part(received_by, ' for ', 1)) STORED,
  written_for  text NOT NULL GENERATED ALWAYS AS (split_part(received_by, ' for ', 2)) STORED,
  PRIMARY KEY (tenant, invoice_id, nth),
  FOREIGN KEY (tenant, invoice_id) REFERENCES invoice
);
CREATE UNIQUE INDEX response_message ON response (tenant, invoice_id, message_id);
-- What is not forgotten: oldest first, and by who wrote it.
CREATE INDEX response_worded ON response (received_at, tenant) WHERE words <> '';
CREATE INDEX response_written_by ON response (tenant, writer) WHERE words <> '';
CREATE INDEX response_written_for ON response (tenant, written_for) WHERE words <> '' AND written_for <> '';

-- What a channel brought and nobody could read: the channel keeps it, with this reason, until it is given again.
CREATE TABLE unread_response (
  tenant     text NOT NULL,
  channel_id text NOT NULL,
  sha256     text NOT NULL,
  code       text NOT NULL,
  tried      int NOT NULL CHECK (tried > 0),
  tried_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant, channel_id)
);

SELECT protect('response'), protect_through('response', 'invoice', 'invoice_id'), append_only('response');
SELECT protect('unread_response');
DO $$ BEGIN EXECUTE format('GRANT UPDATE (words) ON response TO %I', current_setting('ar.server_role')); END $$;
