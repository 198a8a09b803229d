-- Who applies for a company that has no account yet, or was asked for single facts of an application: let in by a link, in
-- any browser, for thirty days. Of the link itself only a hash is kept; another one takes its place.
CREATE TABLE applicant (
  tenant         text NOT NULL,
  -- Of whoever applies also the id of the contact that they become with the company's account.
  applicant_id   text NOT NULL,
  application_id text NOT NULL,
  -- '' once they are a contact.
  address        text NOT NULL,
  -- The company's, ISO 3166-1 alpha-2; '' of a colleague.
  country        text NOT NULL,
  language       text NOT NULL,
  -- What a colleague was asked for; of whoever applies empty.
  keys           text[] NOT NULL,
  -- Who asked a colleague: a contact ("contact:c1"), or an address.
  invited_by     text NOT NULL,
  -- Empty until it is on its way.
  link_hash      bytea NOT NULL,
  expires_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, applicant_id)
);
CREATE UNIQUE INDEX applicant_address ON applicant (tenant, address, country) WHERE country <> '' AND address <> '';
CREATE INDEX applicant_hash ON applicant (tenant, link_hash);
CREATE INDEX applicant_application ON applicant (tenant, application_id) WHERE country = '';
CREATE INDEX applicant_over ON applicant (expires_at);
SELECT protect('applicant');
