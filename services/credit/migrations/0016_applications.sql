-- Applications for credit: what is known of companies, what they were asked, what was decided and by which policy.

-- What applications are decided by, as text; known by its SHA-256, and never changed.
CREATE TABLE policy_text (
  tenant      text NOT NULL,
  policy_id   text NOT NULL,
  text        text NOT NULL,
  proposed_by text NOT NULL,
  proposed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, policy_id)
);
CREATE INDEX policy_text_newest ON policy_text (proposed_at, tenant, policy_id);

-- Since when which one decides; the newest does. Nobody activates what they proposed, nor stands in for who did.
CREATE TABLE policy_activation (
  tenant       text NOT NULL,
  nth          int NOT NULL,
  policy_id    text NOT NULL,
  proposed_by  text NOT NULL,
  activated_by text NOT NULL,
  activated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, nth),
  FOREIGN KEY (tenant, policy_id) REFERENCES policy_text,
  CHECK (NOT string_to_array(proposed_by, ' for ') && string_to_array(activated_by, ' for '))
);

CREATE TABLE application (
  tenant         text NOT NULL,
  application_id text NOT NULL,
  account_id     text NOT NULL,
  country        text NOT NULL,
  currency       text NOT NULL,
  state          text NOT NULL CHECK (state IN ('DRAFT', 'SUBMITTED', 'DECIDED', 'REFERRED', 'IN_REVIEW', 'WAITING_FOR_FACTS',
                                                'PROPOSED', 'ACCEPTED', 'APPEALED', 'EXPIRED', 'WITHDRAWN')),
  track          text CHECK (track IN ('FAST', 'STANDARD', 'ENHANCED')),
  started_by     text NOT NULL,
  started_at     timestamptz NOT NULL,
  submitted_at   timestamptz,
  -- Who of the seller sees to it; '': nobody yet.
  owner          text NOT NULL,
  usually_by     timestamptz,
  latest_by      timestamptz,
  asked_at       timestamptz,
  -- The newest decision that the applicant sees, who took it ("engine", or a person), and until when it stands; '': none yet.
  decision_id    text NOT NULL,
  decided_by     text NOT NULL,
  valid_until    timestamptz,
  appealed_by    text NOT NULL,
  PRIMARY KEY (tenant, application_id)
);
CREATE INDEX application_of_account ON application (account_id, tenant, started_at, application_id);
-- What waits for the seller, least time left first, and what lapses.
CREATE INDEX application_queue ON application (tenant, latest_by, application_id)
  WHERE state IN ('SUBMITTED', 'REFERRED', 'IN_REVIEW', 'PROPOSED', 'APPEALED');
CREATE INDEX application_lapsing ON application (valid_until) WHERE state = 'DECIDED';

-- Why somebody wants it looked at again, in their words.
CREATE TABLE application_appeal (
  tenant         text NOT NULL,
  application_id text NOT NULL,
  account_id     text NOT NULL,
  nth            int NOT NULL,
  why            text NOT NULL,
  appealed_by    text NOT NULL,
  appealed_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, application_id, nth),
  FOREIGN KEY (tenant, application_id) REFERENCES application
);

CREATE INDEX application_appeal_kept ON application_appeal (tenant, appealed_at) WHERE why <> '';

-- Every answer, the engine's and a person's: written once. `record` is receivables.credit.v1.DecisionRecord; `snapshot` are
-- the facts as they were (canonical JSON), '' of what a person decided, or where it was forgotten.
CREATE TABLE application_decision (
  tenant         text NOT NULL,
  decision_id    text NOT NULL,
  application_id text NOT NULL,
  account_id     text NOT NULL,
  -- From 1; the newest one that stands is what the applicant has.
  nth            int NOT NULL CHECK (nth > 0),
  policy_id      text NOT NULL,
  outcome        text NOT NULL CHECK (outcome IN ('APPROVED', 'APPROVED_LOWER', 'APPROVED_WITH_CONDITIONS', 'REFERRED',
                                                  'DECLINED')),
  -- "engine", or the person who decided, and the other one who confirmed it; '': nobody had to.
  prepared_by    text NOT NULL,
  confirmed_by   text NOT NULL,
  record         bytea NOT NULL,
  snapshot       text NOT NULL,
  decided_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, decision_id),
  UNIQUE (application_id, tenant, nth),
  FOREIGN KEY (tenant, application_id) REFERENCES application,
  CHECK (NOT string_to_array(prepared_by, ' for ') && string_to_array(confirmed_by, ' for '))
);

CREATE INDEX application_decision_kept ON application_decision (tenant, decided_at) WHERE snapshot <> '';

-- What one person decided and another one has to confirm; at most one of an application at a time.
CREATE TABLE application_proposal (
  tenant         text NOT NULL,
  application_id text NOT NULL,
  account_id     text NOT NULL,
  prepared_by    text NOT NULL,
  record         bytea NOT NULL,
  prepared_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, application_id),
  FOREIGN KEY (tenant, application_id) REFERENCES application
);

-- A datum about a company. Of each key stand the newest that people gave and the newest of each source; what was there
-- before is superseded, never changed. What a person gave can be forgotten: then it has no value.
CREATE TABLE fact (
  tenant         text NOT NULL,
  fact_id        text NOT NULL,
  account_id     text NOT NULL,
  key            text NOT NULL,
  value          text NOT NULL,
  provenance     text NOT NULL,
  is_given       boolean NOT NULL,
  -- About a person, and forgotten with whoever gave it.
  is_personal    boolean NOT NULL,
  given_by       text NOT NULL,
  -- The document that shows it; '': none.
  evidence       text NOT NULL,
  given_at       timestamptz NOT NULL,
  valid_until    timestamptz,
  superseded_at  timestamptz,
  PRIMARY KEY (tenant, fact_id)
);
CREATE UNIQUE INDEX fact_given ON fact (tenant, account_id, key) WHERE superseded_at IS NULL AND is_given;
CREATE UNIQUE INDEX fact_told ON fact (tenant, account_id, key, provenance) WHERE superseded_at IS NULL AND NOT is_given;
CREATE INDEX fact_standing ON fact (account_id, tenant) WHERE superseded_at IS NULL;
CREATE INDEX fact_givers ON fact USING gin (string_to_array(given_by, ' for ')) WHERE is_personal AND value <> '';
CREATE INDEX fact_outdated ON fact (tenant, least(superseded_at, valid_until)) WHERE value <> '';

-- What a company is, or was, asked for; asked once while it is open, whoever asks.
CREATE TABLE question (
  tenant         text NOT NULL,
  question_id    text NOT NULL,
  account_id     text NOT NULL,
  key            text NOT NULL,
  -- Where it was asked first; of what a person asks, the application that waits for it.
  application_id text NOT NULL,
  asked_by       text NOT NULL,
  asked_at       timestamptz NOT NULL,
  answered_at    timestamptz,
  PRIMARY KEY (tenant, question_id)
);
CREATE UNIQUE INDEX question_open ON question (tenant, account_id, key) WHERE answered_at IS NULL;

-- Documents that applicants add.
CREATE TABLE application_document (
  tenant         text NOT NULL,
  document_id    text NOT NULL,
  account_id     text NOT NULL,
  application_id text NOT NULL,
  key            text NOT NULL,
  -- '' once it is forgotten.
  name           text NOT NULL,
  media_type     text NOT NULL,
  size           int NOT NULL CHECK (size > 0),
  sha256         text NOT NULL,
  content        bytea NOT NULL,
  added_by       text NOT NULL,
  added_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant, document_id),
  FOREIGN KEY (tenant, application_id) REFERENCES application,
  CHECK (octet_length(content) = CASE name WHEN '' THEN 0 ELSE size END)
);
-- Pictures and documents are compressed already.
ALTER TABLE application_document ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX application_document_of ON application_document (application_id, tenant, document_id);
CREATE INDEX application_document_givers ON application_document USING gin (string_to_array(added_by, ' for '))
  WHERE name <> '';
CREATE INDEX application_document_kept ON application_document (tenant, added_at) WHERE name <> '';

-- What companies show of themselves (tax ids, phones, bank accounts), by an HMAC under the tenant's key: who else showed it.
CREATE TABLE identity_mark (
  tenant     text NOT NULL,
  kind       text NOT NULL,
  mark       bytea NOT NULL,
  account_id text NOT NULL,
  seen_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, kind, mark, account_id)
);
CREATE INDEX identity_mark_of ON identity_mark (tenant, account_id);

-- By what a tenant's marks are made: one tenant's say nothing about another's.
CREATE TABLE mark_key (
  tenant text NOT NULL,
  key    bytea NOT NULL,
  PRIMARY KEY (tenant)
);

SELECT protect('policy_text'), protect('policy_activation'), protect('mark_key');
SELECT protect(t), protect_account(t) FROM unnest(ARRAY['application', 'application_appeal', 'application_decision',
  'application_proposal', 'fact', 'question', 'application_document', 'identity_mark']::regclass[]) AS t;
SELECT append_only(t) FROM unnest(ARRAY['mark_key', 'policy_text', 'policy_activation', 'application_appeal', 'application_decision',
  'fact', 'application_document']::regclass[]) AS t;
DO $$ BEGIN
  EXECUTE format('GRANT UPDATE (why) ON application_appeal TO %I', current_setting('ar.server_role'));
  EXECUTE format('GRANT UPDATE (snapshot, record) ON application_decision TO %I', current_setting('ar.server_role'));
  EXECUTE format('GRANT UPDATE (value, superseded_at) ON fact TO %I', current_setting('ar.server_role'));
  EXECUTE format('GRANT UPDATE (name, content) ON application_document TO %I', current_setting('ar.server_role'));
END $$;
