-- What people wrote can be forgotten: of a history that is written once the texts alone.
DO $$ BEGIN EXECUTE format('GRANT UPDATE (missing, reason) ON dispute_move TO %I', current_setting('ar.server_role')); END $$;

-- Where the tenant's legal entities are: how long records are kept is their law's.
CREATE TABLE seller_country (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  version   int NOT NULL,
  country   text NOT NULL,
  PRIMARY KEY (tenant, seller_id)
);
SELECT protect('seller_country');
