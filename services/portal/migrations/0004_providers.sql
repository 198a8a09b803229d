-- Who else lets people in: the identity provider of the seller, or of a buyer, at its own account alone.
CREATE TABLE provider (
  tenant      text NOT NULL,
  provider_id text NOT NULL,
  -- As its link says: "Sign in with …".
  name        text NOT NULL,
  issuer      text NOT NULL,
  client_id   text NOT NULL,
  -- Encrypted with our key.
  secret      bytea NOT NULL,
  -- Whose people it lets in; empty: the seller's.
  account_id  text NOT NULL,
  -- Which roles its groups leave to whom they let in: {"finance": ["AP_CLERK"]}; empty: all that one has here.
  groups      jsonb NOT NULL,
  -- How sure it is of whom it lets in: 2 where it asks for a second factor.
  assurance   int NOT NULL CHECK (assurance IN (1, 2)),
  PRIMARY KEY (tenant, provider_id)
);

-- A person as a provider knows them: who they are here was found once, by an address that it had verified.
CREATE TABLE known_by (
  tenant     text NOT NULL,
  issuer     text NOT NULL,
  subject    text NOT NULL,
  contact_id text NOT NULL,
  since      timestamptz NOT NULL,
  PRIMARY KEY (tenant, issuer, subject)
);
CREATE INDEX known_by_contact ON known_by (tenant, contact_id);

-- What the provider's groups leave of its reader's roles; null: all.
ALTER TABLE session ADD COLUMN roles text[];

SELECT protect(t) FROM unnest(ARRAY['provider', 'known_by']::regclass[]) AS t;
SELECT protect_account('provider');
