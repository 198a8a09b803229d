-- A second factor, and what is good once. Keys and secrets are of a login: a person who is several contacts has several.
CREATE TABLE passkey (
  tenant        text NOT NULL,
  passkey_id    text NOT NULL,
  login_id      text NOT NULL,
  -- As the browser's authenticator names it.
  credential_id bytea NOT NULL,
  public_key    bytea NOT NULL,
  -- What the authenticator counted last; 0 where it counts nothing.
  sign_count    bigint NOT NULL,
  name          text NOT NULL,
  created_at    timestamptz NOT NULL,
  used_at       timestamptz,
  PRIMARY KEY (tenant, passkey_id),
  UNIQUE (tenant, credential_id)
);
CREATE INDEX passkey_login ON passkey (tenant, login_id);

CREATE TABLE totp (
  tenant     text NOT NULL,
  login_id   text NOT NULL,
  -- Encrypted with our key.
  secret     bytea NOT NULL,
  -- Of the code that was taken last: none is taken twice, none that is older.
  last_step  bigint NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, login_id)
);

-- Challenges that were answered: each is good once. They are made without a row, so that asking for many fills nothing.
CREATE TABLE answered (
  tenant         text NOT NULL,
  challenge_hash bytea NOT NULL,
  at             timestamptz NOT NULL,
  PRIMARY KEY (tenant, challenge_hash)
);
CREATE INDEX answered_old ON answered (at);

-- A keyed hash of the address whose mail let the session in; empty where none did. Only who has shown to read an address
-- may become another contact who has it.
ALTER TABLE session ADD COLUMN proved_address bytea NOT NULL DEFAULT '';

SELECT protect(t) FROM unnest(ARRAY['passkey', 'totp', 'answered']::regclass[]) AS t;
