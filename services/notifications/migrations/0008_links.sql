-- Links by which the portal lets people in, until they are on their way: then the row is gone, and the link with it.
CREATE TABLE link (
  tenant     text NOT NULL,
  link_id    text NOT NULL,
  contact_id text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('SIGN_IN', 'INVITATION')),
  url        text NOT NULL,
  minutes    int NOT NULL,
  invited_by text NOT NULL,
  asked_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant, link_id)
);
SELECT protect('link'), protect_through('link', 'contact', 'contact_id');
-- By address, in any case of letters: how the portal finds who signs in.
CREATE INDEX contact_email ON contact (lower(email), tenant) WHERE erased_at IS NULL;
