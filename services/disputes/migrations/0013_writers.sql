-- Who wrote what, and for whom, as columns: under row-level security an index serves what is compared with them, and none
-- serves what an array contains (PostgreSQL takes that for a leak). Forgetting somebody looked through the tables.
ALTER TABLE dispute
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(opened_by, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(opened_by, ' for ', 2)) STORED;
ALTER TABLE dispute_move
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(actor, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(actor, ' for ', 2)) STORED;
ALTER TABLE evidence
  ADD COLUMN writer text NOT NULL GENERATED ALWAYS AS (split_part(added_by, ' for ', 1)) STORED,
  ADD COLUMN written_for text NOT NULL GENERATED ALWAYS AS (split_part(added_by, ' for ', 2)) STORED;
