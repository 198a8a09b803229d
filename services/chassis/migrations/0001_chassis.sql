-- The machinery's own tables, the same in every service's database.

-- Exempt from row-level security, and named as such in services/chassis/migrate.py: they hold events of all tenants
-- on their way, and the lists that sweepers read.
CREATE TABLE inbox (
  consumer   text NOT NULL,
  event_id   text NOT NULL,
  body_hash  bytea NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_age ON inbox USING brin (handled_at);

-- The highest handled offset of each partition; topic_id is Kafka's, so that a recreated topic starts anew.
CREATE TABLE handled (
  consumer        text NOT NULL,
  topic           text NOT NULL,
  topic_id        text NOT NULL,
  partition       int NOT NULL,
  kafka_offset    bigint NOT NULL DEFAULT -1,
  failures_in_row int NOT NULL DEFAULT 0,
  PRIMARY KEY (consumer, topic_id, partition)
);

CREATE TABLE outbox (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic   text NOT NULL,
  key     text NOT NULL,
  headers jsonb NOT NULL,
  payload bytea NOT NULL,
  at      timestamptz NOT NULL DEFAULT now()
);

-- The contiguous number of each account's events on this service's topic.
CREATE TABLE sequence (
  topic text NOT NULL,
  key   text NOT NULL,
  last  bigint NOT NULL,
  PRIMARY KEY (topic, key)
);

CREATE TABLE parked (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer     text NOT NULL,
  topic        text NOT NULL,
  partition    int NOT NULL,
  kafka_offset bigint NOT NULL,
  event_id     text NOT NULL,
  event_type   text NOT NULL,
  tenant       text NOT NULL,
  subject      text NOT NULL,
  key          bytea,
  headers      jsonb NOT NULL,
  payload      bytea,
  reason       text NOT NULL CHECK (reason IN ('unreadable', 'refused', 'failed', 'early', 'behind')),
  code         text NOT NULL,
  detail       text NOT NULL,
  waits_for    text,
  attempts     int NOT NULL DEFAULT 1,
  next_try_at  timestamptz NOT NULL DEFAULT now(),
  parked_at    timestamptz NOT NULL DEFAULT now(),
  closed_at    timestamptz,
  outcome      text CHECK (outcome IN ('handled', 'discarded')),
  closed_by    text,
  closed_why   text
);
CREATE INDEX parked_subject ON parked (consumer, topic, tenant, subject, id) WHERE closed_at IS NULL;
CREATE INDEX parked_waits ON parked (consumer, tenant, waits_for) WHERE closed_at IS NULL AND reason = 'early';

-- Tenants that this service has met: what sweepers go through.
CREATE TABLE tenant (tenant text PRIMARY KEY);

-- The business clock of AR_CLOCK=test.
CREATE TABLE clock (one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL);

-- A write's answer, kept so that the same idempotency key gets it again.
CREATE TABLE answer (
  tenant          text NOT NULL,
  idempotency_key text NOT NULL,
  method          text NOT NULL,
  request_hash    bytea NOT NULL,
  response        bytea,
  at              timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, idempotency_key)
);
CREATE INDEX answer_age ON answer USING brin (at);

-- Forced row-level security by the tenants that the transaction serves (set by services/chassis/database.py).
CREATE FUNCTION protect(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format($p$CREATE POLICY of_tenant ON %s
    USING (tenant = ANY (string_to_array(current_setting('ar.tenants', true), ',')))$p$, target);
END $$;

-- Rows that are written once: the server may add and read, never change or remove.
CREATE FUNCTION append_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE ON %s FROM %I', target, current_setting('ar.server_role'));
END $$;

SELECT protect('answer');
