-- What people wrote with a payment can be forgotten; all else of it stays as it was booked.
ALTER TABLE payment
  -- Whether remittance is what was written; false: that is not known any more.
  ADD COLUMN worded boolean NOT NULL DEFAULT true;
DO $$ BEGIN EXECUTE format('GRANT UPDATE (remittance, worded) ON payment TO %I', current_setting('ar.server_role')); END $$;

-- Where the tenant's legal entities are: how long records are kept is their law's.
CREATE TABLE seller_country (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  version   int NOT NULL,
  country   text NOT NULL,
  PRIMARY KEY (tenant, seller_id)
);
SELECT protect('seller_country');
