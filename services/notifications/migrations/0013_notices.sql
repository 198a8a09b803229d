-- Mails of what happened in the portal, until they are on their way: then the row is gone.
CREATE TABLE notice (
  tenant     text NOT NULL,
  notice_id  text NOT NULL,
  contact_id text NOT NULL,
  -- What is said, as the contract has it (SendNoticeRequest): persons by their ids.
  request    bytea NOT NULL,
  asked_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant, notice_id)
);
SELECT protect('notice'), protect_through('notice', 'contact', 'contact_id');
-- For whoever is forgotten.
CREATE INDEX notice_contact ON notice (contact_id, tenant);
