-- Work that is not an event (services/chassis/jobs.py): drafts, files, letters, what the clock brings.

CREATE TABLE job (
  tenant          text NOT NULL,
  -- In the order of making: what is done in one lane is done in this order.
  id              bigint GENERATED ALWAYS AS IDENTITY,
  kind            text NOT NULL,
  -- What it is about, "draft/…": there is one job of a kind about it at a time.
  subject         text NOT NULL,
  -- Within a lane (an account) one job follows another; '' where the order does not matter.
  lane            text NOT NULL,
  -- How much work it is, in the unit of its kind (lines, bytes): a batch ends by it.
  cost            int NOT NULL CHECK (cost >= 0),
  -- On whose word.
  actor           text NOT NULL,
  reason          text NOT NULL,
  idempotency_key text NOT NULL,
  traceparent     text NOT NULL,
  causation_id    text NOT NULL,
  added_at        timestamptz NOT NULL DEFAULT now(),
  -- By the business clock; and, after a failure, by the system's.
  due_at          timestamptz NOT NULL DEFAULT '-infinity',
  next_try_at     timestamptz NOT NULL DEFAULT now(),
  -- How often it failed, and how often the process ended that had it.
  attempts        int NOT NULL DEFAULT 0,
  deaths          int NOT NULL DEFAULT 0,
  failure         text NOT NULL DEFAULT '',
  -- Who does it now, and until when; after that they count as gone.
  lease           text,
  leased_until    timestamptz,
  PRIMARY KEY (tenant, kind, subject)
);
CREATE INDEX job_next ON job (kind, next_try_at);
CREATE INDEX job_leased ON job (leased_until) WHERE leased_until IS NOT NULL;
CREATE INDEX job_lane ON job (tenant, lane, id) WHERE lane <> '';

SELECT protect('job');
