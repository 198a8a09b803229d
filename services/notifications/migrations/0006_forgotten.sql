-- Persons can be forgotten: the id stays, and means nobody, to the version before this one too, which takes such a
-- contact for one that cannot be reached.
ALTER TABLE contact ADD COLUMN erased_at timestamptz;
ALTER TABLE contact ADD CONSTRAINT contact_erased_is_nobody CHECK (
  erased_at IS NULL OR (name = '' AND email = '' AND roles = '{}' AND suspended_at IS NOT NULL)) NOT VALID;

-- That somebody was told of something stays known, without a word of it.
ALTER TABLE message ADD COLUMN forgotten_at timestamptz;
ALTER TABLE message DROP CONSTRAINT message_check;
ALTER TABLE message ADD CONSTRAINT message_asks CHECK (
  (weight = 'ACT') = (action <> '') OR (forgotten_at IS NOT NULL AND action = '')) NOT VALID;

-- Its reader was forgotten before it went.
ALTER TABLE mail DROP CONSTRAINT mail_state_check;
ALTER TABLE mail ADD CONSTRAINT mail_state_known CHECK (
  state IN ('QUEUED', 'SENT', 'ACCEPTED', 'SOFT_BOUNCED', 'HARD_BOUNCED', 'WITHDRAWN')) NOT VALID;

-- Facts of versions before this one have in them what people wrote.
DO $$ BEGIN EXECUTE format('GRANT UPDATE (told) ON story TO %I', current_setting('ar.server_role')); END $$;

-- Where the tenant's legal entities are: how long records are kept is their law's.
CREATE TABLE seller_country (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  version   int NOT NULL,
  country   text NOT NULL,
  PRIMARY KEY (tenant, seller_id)
);
SELECT protect('seller_country');
