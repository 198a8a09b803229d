-- A payload waits here for some milliseconds: it is not worth packing and unpacking.
ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL;
