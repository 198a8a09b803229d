-- What is asked of a buyer's people, until it is done: who was asked, and when the clock asks further.
CREATE TABLE ask (
  tenant         text NOT NULL,
  -- The story that asked.
  fact           text NOT NULL,
  about          text NOT NULL,
  account_id     text NOT NULL,
  kind           text NOT NULL,
  role           text NOT NULL,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  by_when        date NOT NULL,
  -- Who was asked, in order: the contact's id, the day, the level.
  asked          jsonb NOT NULL,
  asked_at       timestamptz NOT NULL,
  level          int NOT NULL,
  -- When the clock looks at it; null: never again.
  next_at        timestamptz,
  done_at        timestamptz,
  PRIMARY KEY (tenant, fact),
  CHECK (done_at IS NULL OR next_at IS NULL)
);
CREATE INDEX ask_next ON ask (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX ask_open ON ask (tenant, account_id, asked_at, fact) WHERE done_at IS NULL;
CREATE INDEX ask_about ON ask (tenant, about, asked_at, fact);
CREATE INDEX ask_age ON ask (asked_at, tenant);
SELECT protect('ask'), protect_account('ask'), protect_part('ask');

-- Who stands in for whom, as the portal has both told.
CREATE TABLE stand_in (
  tenant     text NOT NULL,
  -- Who is away.
  contact_id text NOT NULL,
  stand_in   text NOT NULL,
  first_day  date NOT NULL,
  last_day   date NOT NULL,
  roles      text[] NOT NULL,
  PRIMARY KEY (tenant, contact_id, stand_in, first_day, last_day)
);
SELECT protect('stand_in'), protect_through('stand_in', 'contact', 'contact_id');
