-- When and how somebody hears of what asks nothing of them; '' and null: as the seller does.
ALTER TABLE contact
  ADD COLUMN time_zone  text  NOT NULL DEFAULT '',
  ADD COLUMN quiet_from time,
  ADD COLUMN quiet_to   time,
  -- By class of news ("ORDERS"): "AT_ONCE" or "NOTHING"; what is not there comes with the digest.
  ADD COLUMN paces      jsonb NOT NULL DEFAULT '{}',
  ADD CONSTRAINT contact_quiet_hours CHECK ((quiet_from IS NULL) = (quiet_to IS NULL)) NOT VALID;
