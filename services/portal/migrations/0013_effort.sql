-- What it costs people to get somewhere: one row a case of a process.
CREATE TABLE effort (
  tenant   text NOT NULL,
  process  text NOT NULL CHECK (process IN ('dispute', 'application')),
  -- The case's number, or the application's id.
  case_id  text NOT NULL,
  clicks   int NOT NULL,
  -- The names of the fields that were typed.
  fields   text[] NOT NULL,
  uploads  int NOT NULL,
  first_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, process, case_id)
);
CREATE INDEX effort_newest ON effort (tenant, first_at);
SELECT protect('effort');
