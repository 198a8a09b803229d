-- How long steps took, and what became of what was promised of them.

-- Of a journey: the reason of a case, the track of an application; '' of others.
ALTER TABLE journey ADD COLUMN track text NOT NULL DEFAULT '';
-- When a promise of the seller's is missed, the first of those that are open; null: there is none.
ALTER TABLE journey ADD COLUMN late_at timestamptz;

-- Steps that ended and are not folded into the figures yet.
CREATE TABLE step_ended (
  tenant     text NOT NULL,
  id         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  -- "order/…", "invoice/…" …; what people call it, if not by its id; the step's code.
  about      text NOT NULL,
  name       text NOT NULL,
  step       text NOT NULL,
  account_id text NOT NULL,
  seller_id  text NOT NULL,
  track      text NOT NULL,
  -- Since when it was to be done, and the business minutes for which it was before another came between.
  began_at   timestamptz NOT NULL,
  spent      int NOT NULL,
  ended_at   timestamptz NOT NULL,
  -- Null: nothing was promised, or it was the buyer's to keep.
  kept       boolean,
  PRIMARY KEY (tenant, id),
  -- What is heard again ends nothing again.
  UNIQUE (tenant, about, step, began_at)
);

-- The newest durations of steps that are alike: of an account, of a legal entity and a reason or track, of all.
CREATE TABLE step_duration (
  tenant     text NOT NULL,
  -- "order", "invoice" …, and the step's code.
  kind       text NOT NULL,
  step       text NOT NULL,
  -- "account/…", "of/<seller_id>/<reason or track>", '': all.
  segment    text NOT NULL,
  -- '': several's.
  account_id text NOT NULL,
  -- [[business minutes, day as a number], …], by day; at most 200, of a year.
  took       jsonb NOT NULL,
  n          int NOT NULL,
  -- Business minutes; null: there are too few.
  p50        int,
  p95        int,
  -- Since when one in twenty takes longer than the level of service; null: that is not so.
  slow_since timestamptz,
  last_on    date NOT NULL,
  PRIMARY KEY (tenant, kind, step, segment)
);
CREATE INDEX step_duration_account ON step_duration (tenant, account_id, segment);
CREATE INDEX step_duration_slow ON step_duration (tenant, slow_since, kind, step, segment) WHERE slow_since IS NOT NULL;
CREATE INDEX step_duration_last ON step_duration (tenant, last_on);

-- What became of promises that the seller made, by step and month.
CREATE TABLE promise_kept (
  tenant text NOT NULL,
  kind   text NOT NULL,
  step   text NOT NULL,
  -- Its first day.
  month  date NOT NULL,
  kept   int NOT NULL,
  missed int NOT NULL,
  PRIMARY KEY (tenant, kind, step, month)
);

-- What was agreed with a buyer of how long steps take, and what follows when that is missed; the newest version counts.
CREATE TABLE service_level (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  version    int NOT NULL,
  -- [{"kind", "step", "days", "remedy", "minor", "currency"}, …].
  levels     jsonb NOT NULL,
  set_by     text NOT NULL,
  set_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id, version)
);
SELECT append_only('service_level');

SELECT protect(t) FROM unnest(ARRAY['step_ended', 'step_duration', 'promise_kept', 'service_level']::regclass[]) AS t;
SELECT protect_account(t) FROM unnest(ARRAY['step_ended', 'step_duration', 'service_level']::regclass[]) AS t;
