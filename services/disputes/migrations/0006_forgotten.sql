-- What people wrote can be forgotten: of a history that is written once the texts alone.
DO $$ BEGIN EXECUTE format('GRANT UPDATE (missing, reason) ON dispute_move TO %I', current_setting('ar.server_role')); END $$;
