-- An event's identity is (tenant, source, id): two shops may number alike. The id alone stays the key for the first that
-- has it, and for those rows that know neither tenant nor source because a version before this wrote them; another event
-- of the same id has a key that names all three (services/chassis/inbox.py).
ALTER TABLE inbox ADD COLUMN tenant text, ADD COLUMN source text;

-- Tenants whose events fail by defects of ours: how many in a row, and since when they are too many.
CREATE TABLE failing (
  tenant          text NOT NULL,
  consumer        text NOT NULL,
  failures_in_row int NOT NULL CHECK (failures_in_row >= 0),
  -- Their further events wait, in order, until an operator resumes the tenant; null while they are handled.
  paused_since    timestamptz,
  PRIMARY KEY (tenant, consumer)
);
SELECT protect('failing');

-- What waits of one tenant, in its order.
CREATE INDEX parked_tenant ON parked (consumer, tenant, id) WHERE closed_at IS NULL;
