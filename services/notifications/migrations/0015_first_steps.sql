-- What a company does once its credit line stands, role by role, until it is done.
CREATE TABLE first_step (
  tenant      text NOT NULL,
  account_id  text NOT NULL,
  code        text NOT NULL,
  state       text NOT NULL CHECK (state IN ('NEXT', 'OPEN', 'REMINDED', 'WAITING', 'DONE')),
  by_when     date,
  -- When the clock moves it; null: never.
  next_at     timestamptz,
  -- Since when its owner at the seller has it, and why ('NOBODY', 'NO_ANSWER', 'REFUSED').
  waits_since timestamptz,
  reason      text NOT NULL,
  -- What the buyer's people said ('ACCEPTED', 'DIRECT_DEBIT' …).
  answer      text NOT NULL,
  done_at     timestamptz,
  PRIMARY KEY (tenant, account_id, code),
  CHECK ((state = 'WAITING') = (waits_since IS NOT NULL)),
  CHECK ((state = 'DONE') = (done_at IS NOT NULL))
);
CREATE INDEX first_step_next ON first_step (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX first_step_waiting ON first_step (tenant, waits_since, account_id, code) WHERE state = 'WAITING';
SELECT protect('first_step'), protect_account('first_step');
