-- How a case is run: on which track, within what time, by whom; what its seller said of desks and authority; what became of
-- it beside its moves.
ALTER TABLE seller
  ADD COLUMN opens_at  text NOT NULL DEFAULT '',
  ADD COLUMN closes_at text NOT NULL DEFAULT '';

ALTER TABLE policy
  ADD COLUMN fast_hours          int NOT NULL DEFAULT 4,
  ADD COLUMN enhanced_days       int NOT NULL DEFAULT 20,
  ADD COLUMN enhanced_over_minor bigint NOT NULL DEFAULT 2500000,
  ADD COLUMN fast_most_minor     bigint NOT NULL DEFAULT 50000,
  -- By desk: who has its cases, and who when they are away.
  ADD COLUMN desks               jsonb NOT NULL DEFAULT '{}',
  -- Role, person, minor units and currency of each.
  ADD COLUMN authorities         jsonb NOT NULL DEFAULT '[]';

ALTER TABLE dispute
  ADD COLUMN track        text NOT NULL DEFAULT 'STANDARD',
  ADD COLUMN track_reason text NOT NULL DEFAULT '',
  ADD COLUMN answer_at    timestamptz,
  ADD COLUMN at_risk_at   timestamptz,
  ADD COLUMN warned       boolean NOT NULL DEFAULT false,
  ADD COLUMN recode_by    timestamptz,
  ADD COLUMN late_level   int NOT NULL DEFAULT 0,
  ADD COLUMN late_from    date,
  ADD COLUMN late_days    int NOT NULL DEFAULT 0,
  ADD COLUMN owner        text NOT NULL DEFAULT '',
  ADD COLUMN stand_in     text NOT NULL DEFAULT '',
  ADD COLUMN handoffs     int NOT NULL DEFAULT 0,
  ADD COLUMN acted_at     timestamptz,
  ADD COLUMN merged_into  text NOT NULL DEFAULT '',
  ADD COLUMN changes      int NOT NULL DEFAULT 0,
  -- When the clock has something to tell of it next.
  ADD COLUMN look_at      timestamptz;

-- The clock of what is open already: until five on the day that was promised, in UTC.
ALTER TABLE dispute NO FORCE ROW LEVEL SECURITY;
UPDATE dispute
   SET answer_at = (answer_by + time '17:00') AT TIME ZONE 'UTC', at_risk_at = (answer_by + time '09:00') AT TIME ZONE 'UTC',
       look_at = (answer_by + time '09:00') AT TIME ZONE 'UTC'
 WHERE state IN ('SUBMITTED', 'ACKNOWLEDGED', 'UNDER_REVIEW', 'AWAITING_INTERNAL', 'APPEALED', 'REOPENED');
ALTER TABLE dispute FORCE ROW LEVEL SECURITY;

-- What became of a case beside its moves; nth counts from 1.
CREATE TABLE dispute_change (
  tenant     text NOT NULL,
  dispute_id text NOT NULL,
  nth        int NOT NULL,
  change     text NOT NULL,
  before     text NOT NULL,
  after      text NOT NULL,
  other      text NOT NULL,
  actor      text NOT NULL,
  at         timestamptz NOT NULL,
  PRIMARY KEY (tenant, dispute_id, nth),
  FOREIGN KEY (tenant, dispute_id) REFERENCES dispute
);
-- Who looks at an ENHANCED case; the newest version counts.
CREATE TABLE dispute_cell (
  tenant      text NOT NULL,
  dispute_id  text NOT NULL,
  version     int NOT NULL CHECK (version > 0),
  coordinator text NOT NULL,
  -- Step, person and day of each.
  places      jsonb NOT NULL,
  set_by      text NOT NULL,
  set_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant, dispute_id, version),
  FOREIGN KEY (tenant, dispute_id) REFERENCES dispute
);
SELECT protect('dispute_cell'), protect_through('dispute_cell', 'dispute', 'dispute_id'), append_only('dispute_cell');
SELECT protect('dispute_change'), protect_through('dispute_change', 'dispute', 'dispute_id'), append_only('dispute_change');
