-- The sequence of credit's event that said a buyer's copy last: an older one that comes again changes nothing. The version
-- before this one leaves it as it is.
ALTER TABLE buyer ADD COLUMN sequence bigint NOT NULL DEFAULT 0;
