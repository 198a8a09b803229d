-- The seller whose portal a host is: one host a seller, so that cookies and passkeys are apart.
CREATE TABLE host (
  tenant text NOT NULL,
  host   text NOT NULL UNIQUE,
  -- As the pages' head shows it.
  name   text NOT NULL,
  PRIMARY KEY (tenant, host)
);

-- Who has ever signed in: a contact of notifications, by id. What they are called, and their roles, stand there.
CREATE TABLE login (
  tenant     text NOT NULL,
  login_id   text NOT NULL,
  contact_id text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, login_id),
  UNIQUE (tenant, contact_id)
);

-- A way in by mail: asked for with an address (kind SIGN_IN), or sent to a contact (INVITATION). Of the link itself only a
-- hash is kept; the address goes with the row, once it is used or over.
CREATE TABLE one_time_link (
  tenant       text NOT NULL,
  link_id      text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('SIGN_IN', 'INVITATION')),
  address      text NOT NULL,
  contact_id   text NOT NULL,
  invited_by   text NOT NULL,
  -- Where its reader goes.
  goes_to      text NOT NULL,
  -- Of the cookie of the browser that asked; empty: any may use it.
  browser_hash bytea NOT NULL,
  -- Empty until it is on its way.
  link_hash    bytea NOT NULL,
  expires_at   timestamptz NOT NULL,
  used_at      timestamptz,
  PRIMARY KEY (tenant, link_id)
);
CREATE INDEX one_time_link_hash ON one_time_link (tenant, link_hash);
CREATE INDEX one_time_link_over ON one_time_link (expires_at);

CREATE TABLE session (
  tenant        text NOT NULL,
  session_hash  bytea NOT NULL,
  -- What its reader is shown of it, and ends it by.
  session_id    text NOT NULL,
  login_id      text NOT NULL,
  contact_id    text NOT NULL,
  assurance     int NOT NULL CHECK (assurance IN (1, 2)),
  -- The subject for whom it stands in ("contact:a"), or ''.
  on_behalf_of  text NOT NULL,
  -- Of the browser, as a list of sessions shows it.
  agent         text NOT NULL,
  created_at    timestamptz NOT NULL,
  seen_at       timestamptz NOT NULL,
  -- When the second factor was shown last.
  proven_at     timestamptz,
  ends_at       timestamptz NOT NULL,
  ended_at      timestamptz,
  PRIMARY KEY (tenant, session_hash),
  UNIQUE (tenant, session_id)
);
CREATE INDEX session_login ON session (tenant, login_id, created_at DESC);
CREATE INDEX session_over ON session (ends_at);

-- How often something was tried of late: a leaky bucket by address, network or all.
CREATE TABLE rate (
  tenant  text NOT NULL,
  bucket  bytea NOT NULL,
  level   double precision NOT NULL,
  at      timestamptz NOT NULL,
  PRIMARY KEY (tenant, bucket)
);
CREATE INDEX rate_old ON rate (at);

SELECT protect(t) FROM unnest(ARRAY['host', 'login', 'one_time_link', 'session', 'rate']::regclass[]) AS t;
