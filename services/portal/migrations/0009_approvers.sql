-- Keyed hashes of the addresses of whoever stands behind an order, as long as it waits: who has one of them is no other
-- person. And whether nobody may approve it, as of the last time that was looked at.
ALTER TABLE purchase
  ADD COLUMN IF NOT EXISTS known_by       bytea[] NOT NULL DEFAULT '{}',
  ADD COLUMN IF NOT EXISTS lacks_approver boolean NOT NULL DEFAULT false;
