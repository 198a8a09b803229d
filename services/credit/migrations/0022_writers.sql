-- Who wrote what, and for whom, as columns: under row-level security an index serves what is compared with them, and none
-- serves what an array contains (PostgreSQL takes that for a leak). Forgetting somebody looked through the tables.
ALTER TABLE account_hold
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(placed_by, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(placed_by, ' for ', 2)) STORED;
ALTER TABLE fact
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(given_by, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(given_by, ' for ', 2)) STORED;
ALTER TABLE application_document
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(added_by, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(added_by, ' for ', 2)) STORED;
ALTER TABLE application_appeal
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(appealed_by, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(appealed_by, ' for ', 2)) STORED;
