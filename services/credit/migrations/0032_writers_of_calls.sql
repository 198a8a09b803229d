-- Who called back, and for whom, as columns: under row-level security an index serves what is compared with them, and none
-- serves what an array contains (PostgreSQL takes that for a leak). Forgetting somebody looked through the tables.
ALTER TABLE call_back
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(recorded_by, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(recorded_by, ' for ', 2)) STORED;
