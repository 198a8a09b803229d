-- The audit trail (services/chassis/acts.py): who did what for whom, and who was refused. Ids alone, no names, no texts.
-- What concerns no tenant stands under '-', which no tenant can be named.
CREATE TABLE act (
  tenant          text NOT NULL,
  number          bigint GENERATED ALWAYS AS IDENTITY,
  -- By the system's clock, whatever the business' says.
  at              timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Who, for whom if that is somebody else, who vouched for it, and which workload called.
  actor           text NOT NULL,
  on_behalf_of    text NOT NULL,
  issuer          text NOT NULL,
  workload        text NOT NULL,
  -- 'receivables.credit.v1.CreditService/SetLimit', or an operator's command.
  method          text NOT NULL,
  -- The account that was named, if one was.
  account_id      text NOT NULL,
  -- Of a command: what it names.
  idempotency_key text NOT NULL,
  -- SHA-256 of the request, as it is kept with its answer.
  digest          bytea NOT NULL,
  outcome         text NOT NULL CHECK (outcome IN ('done', 'refused')),
  -- Why it was refused.
  code            text NOT NULL,
  -- So many alike, of refusals.
  times           int NOT NULL CHECK (times > 0),
  PRIMARY KEY (tenant, number)
);
SELECT protect('act');
SELECT append_only('act');
CREATE INDEX act_account ON act (tenant, account_id, number) WHERE account_id <> '';
CREATE INDEX act_actor ON act (tenant, actor, number);

-- Each act's hash, over the one before it of the tenant and its own row (services/chassis/chain.py).
CREATE TABLE act_link (
  tenant text NOT NULL,
  number bigint NOT NULL,
  hash   bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (tenant, number)
);
SELECT protect('act_link');
SELECT append_only('act_link');

-- The last link of each day (UTC), the newest one's until that day is over: where the chain goes on.
CREATE TABLE act_root (
  tenant text NOT NULL,
  day    date NOT NULL,
  number bigint NOT NULL,
  hash   bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (tenant, day)
);
SELECT protect('act_root');
CREATE UNIQUE INDEX act_root_number ON act_root (tenant, number);

-- As a window's aggregate: the hash of each row in turn. The first of them follows `before`.
CREATE FUNCTION act_hash(so_far bytea, before bytea, body bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN sha256(coalesce(so_far, before) || body);
END $$;
CREATE AGGREGATE act_chain (before bytea, body bytea) (SFUNC = act_hash, STYPE = bytea);
