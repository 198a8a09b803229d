-- What people are asked of what they lived through, what they say, and what a low answer asks of the seller.

-- One question, in a message that went anyway.
CREATE TABLE question (
  tenant      text NOT NULL,
  -- The message's.
  question_id text NOT NULL,
  account_id  text NOT NULL,
  contact_id  text NOT NULL,
  -- As what they are asked.
  role        text NOT NULL,
  topic       text NOT NULL CHECK (topic IN ('BOOKED', 'SOLVED', 'COMPLETE', 'FITS', 'MENDED')),
  about       text NOT NULL,
  -- Of MENDED: the question whose answer it was; else ''.
  mends       text NOT NULL,
  -- The unguessable part of the link that answers it.
  token       text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
  asked_at    timestamptz NOT NULL,
  value       int CHECK (value BETWEEN 0 AND 10),
  -- When it was answered first.
  answered_at timestamptz,
  -- What was written beside the answer, by whoever was asked; '' once it is forgotten.
  words       text NOT NULL DEFAULT '',
  PRIMARY KEY (tenant, question_id),
  UNIQUE (token),
  CHECK ((value IS NULL) = (answered_at IS NULL)),
  CHECK ((topic = 'MENDED') = (mends <> ''))
);
CREATE INDEX question_account ON question (tenant, account_id, asked_at);
CREATE INDEX question_contact ON question (tenant, contact_id);
CREATE INDEX question_age ON question (asked_at, tenant);

-- What a low answer asks of the seller: one a question.
CREATE TABLE feedback_action (
  tenant      text NOT NULL,
  question_id text NOT NULL,
  account_id  text NOT NULL,
  contact_id  text NOT NULL,
  role        text NOT NULL,
  topic       text NOT NULL,
  about       text NOT NULL,
  value       int NOT NULL CHECK (value BETWEEN 0 AND 10),
  state       text NOT NULL
    CHECK (state IN ('OPEN', 'DONE', 'CONFIRMED', 'REOPENED', 'DONE_AGAIN', 'UNSOLVED', 'WITHDRAWN')),
  -- The seller's role whose it is.
  owner       text NOT NULL,
  due         date NOT NULL,
  -- What is looked at first, smallest first (domain/feedback.py).
  urgency     int NOT NULL,
  cause       text NOT NULL,
  opened_at   timestamptz NOT NULL,
  -- What whoever answered was told, and by whom; '' once it is forgotten.
  said        text NOT NULL DEFAULT '',
  said_by     text NOT NULL DEFAULT '',
  PRIMARY KEY (tenant, question_id),
  CHECK ((cause = '') = (state IN ('OPEN', 'WITHDRAWN')))
);
CREATE INDEX feedback_action_waiting ON feedback_action (tenant, urgency, due, question_id)
  WHERE state IN ('OPEN', 'REOPENED');
CREATE INDEX feedback_action_account ON feedback_action (tenant, account_id, question_id);
CREATE INDEX feedback_action_about ON feedback_action (tenant, about);
CREATE INDEX feedback_action_said_by ON feedback_action (tenant, said_by) WHERE said <> '';

-- Who opened a case, and whether it is open: nobody is asked anything meanwhile, and they are whom its end is asked of.
CREATE TABLE case_opener (
  tenant     text NOT NULL,
  dispute_id text NOT NULL,
  account_id text NOT NULL,
  contact_id text NOT NULL,
  is_open    boolean NOT NULL,
  PRIMARY KEY (tenant, dispute_id)
);
CREATE INDEX case_opener_open ON case_opener (tenant, contact_id) WHERE is_open;

-- What a person expects of the seller: asked once.
CREATE TABLE expectation (
  tenant     text NOT NULL,
  contact_id text NOT NULL,
  account_id text NOT NULL,
  -- '' once it is forgotten.
  expects    text NOT NULL,
  given_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant, contact_id)
);
CREATE INDEX expectation_account ON expectation (tenant, account_id, contact_id);

SELECT protect(t), protect_account(t)
  FROM unnest(ARRAY['question', 'feedback_action', 'case_opener', 'expectation']::regclass[]) AS t;
SELECT protect_part_through(t, 'journey', 'about') FROM unnest(ARRAY['question', 'feedback_action']::regclass[]) AS t;
