-- What people wrote with a payment can be forgotten; all else of it stays as it was booked.
DO $$ BEGIN EXECUTE format('GRANT UPDATE (remittance) ON payment TO %I', current_setting('ar.server_role')); END $$;
