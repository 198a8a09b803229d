-- Limits that were looked at again, what was proposed, and what became of it. One that kept the limit says why it rests.
CREATE TABLE review (
  tenant         text NOT NULL,
  review_id      text NOT NULL,
  account_id     text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('RAISE', 'CUT', 'KEEP')),
  state          text NOT NULL CHECK (state IN ('OPEN', 'ACCEPTED', 'DECLINED', 'LAPSED', 'CONFIRMED', 'KEPT')),
  causes         text[] NOT NULL,
  currency       text NOT NULL,
  -- What was granted, and what would be.
  current_minor  bigint NOT NULL,
  limit_minor    bigint NOT NULL,
  proposed_at    timestamptz NOT NULL,
  valid_until    timestamptz NOT NULL,
  policy_id      text NOT NULL,
  result_hash    text NOT NULL,
  -- Reasons ([code, [[name, value]]]) and figures ([name, value]), as they were told.
  reasons        jsonb NOT NULL,
  figures        jsonb NOT NULL,
  ended_at       timestamptz,
  counts_from    timestamptz,
  -- Who prepared more than the policy grants, and how much; '': nobody. Another person confirms it.
  prepared_by    text NOT NULL DEFAULT '',
  prepared_minor bigint,
  ended_by       text NOT NULL DEFAULT '',
  PRIMARY KEY (tenant, review_id),
  FOREIGN KEY (tenant, account_id) REFERENCES account,
  CHECK ((ended_at IS NULL) = (state = 'OPEN')),
  CHECK (NOT string_to_array(prepared_by, ' for ') && string_to_array(ended_by, ' for ') OR state <> 'CONFIRMED')
);
-- An account has one open review at most.
CREATE UNIQUE INDEX review_open ON review (account_id, tenant) WHERE state = 'OPEN';
CREATE INDEX review_queue ON review (tenant, valid_until, review_id) WHERE state = 'OPEN';
CREATE INDEX review_of_account ON review (account_id, tenant, proposed_at, review_id);
SELECT protect('review'), protect_account('review');
