-- Policies tried on the past: what they are tried on, and what was found.

-- Cases of before that the seller brought in, written once. `facts` by key, `late` those whose value was
-- written only after the decision.
CREATE TABLE history_case (
  tenant      text NOT NULL,
  case_id     text NOT NULL,
  decided_on  date NOT NULL,
  currency    text NOT NULL,
  facts       jsonb NOT NULL,
  late        jsonb NOT NULL,
  drawn_minor bigint NOT NULL CHECK (drawn_minor >= 0),
  -- NULL: declined, or too young to say.
  bad         boolean,
  outcome_on  date,
  lost_minor  bigint NOT NULL CHECK (lost_minor BETWEEN 0 AND drawn_minor),
  added_by    text NOT NULL,
  added_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, case_id),
  CHECK ((bad IS NULL) = (outcome_on IS NULL))
);
CREATE INDEX history_case_in_order ON history_case (tenant, decided_on, case_id);

CREATE TABLE trial (
  tenant      text NOT NULL,
  trial_id    text NOT NULL,
  policy_id   text NOT NULL,
  champion_id text NOT NULL,
  source      text NOT NULL CHECK (source IN ('OWN', 'HISTORY', 'BOTH')),
  from_on     date NOT NULL,
  split_on    date NOT NULL,
  to_on       date NOT NULL,
  state       text NOT NULL CHECK (state IN ('RUNNING', 'DONE', 'CANCELLED')),
  done        int NOT NULL,
  total       int NOT NULL,
  -- What was read last (JSON; '': nothing yet), and what that came to so far; '' at the end.
  place       text NOT NULL,
  tally       text NOT NULL,
  -- JSON; '' before the end.
  report      text NOT NULL,
  started_by  text NOT NULL,
  started_at  timestamptz NOT NULL,
  ended_at    timestamptz,
  PRIMARY KEY (tenant, trial_id),
  CHECK (from_on < split_on AND split_on <= to_on),
  CHECK ((state = 'RUNNING') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX trial_running ON trial (tenant) WHERE state = 'RUNNING';
CREATE INDEX trial_newest ON trial (started_at, tenant, trial_id);
CREATE INDEX trial_of_policy ON trial (policy_id, tenant, started_at, trial_id);

SELECT protect(t) FROM unnest(ARRAY['history_case', 'trial']::regclass[]) AS t;
