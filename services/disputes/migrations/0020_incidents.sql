-- One cause behind many cases.
CREATE TABLE incident (
  tenant      text NOT NULL,
  incident_id text NOT NULL,
  -- A reason code.
  title_code  text NOT NULL,
  state       text NOT NULL,
  progress    text NOT NULL,
  promised_on date,
  opened_by   text NOT NULL,
  opened_at   timestamptz NOT NULL,
  resolution  text CHECK (resolution IN ('FULL_CREDIT', 'INVALID_PAYABLE')),
  cause       text NOT NULL,
  proposed_by text NOT NULL,
  approved_by text NOT NULL CHECK (approved_by = '' OR approved_by <> proposed_by),
  moves       int NOT NULL CHECK (moves > 0),
  PRIMARY KEY (tenant, incident_id)
);
CREATE INDEX incident_newest ON incident (opened_at DESC, incident_id DESC, tenant);

-- Its cases: each in one incident at most.
CREATE TABLE incident_case (
  tenant      text NOT NULL,
  incident_id text NOT NULL,
  dispute_id  text NOT NULL,
  joined_at   timestamptz NOT NULL,
  -- What became of it as the incident ended: 'RESOLVED', or why it is left to people; '': not yet.
  outcome     text NOT NULL,
  PRIMARY KEY (tenant, incident_id, dispute_id),
  FOREIGN KEY (tenant, incident_id) REFERENCES incident,
  FOREIGN KEY (tenant, dispute_id) REFERENCES dispute
);
CREATE UNIQUE INDEX incident_of_case ON incident_case (tenant, dispute_id);
CREATE INDEX incident_case_left ON incident_case (tenant, incident_id) WHERE outcome = '';

SELECT protect('incident');
SELECT protect('incident_case'), protect_through('incident_case', 'dispute', 'dispute_id');
