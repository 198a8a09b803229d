-- What would pay where a buyer does not.
CREATE TABLE security (
  tenant       text NOT NULL,
  security_id  text NOT NULL,
  account_id   text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('INSURANCE', 'GUARANTEE', 'DEPOSIT', 'LC')),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     text NOT NULL,
  -- Which part of the amount it pays.
  coverage     numeric(5, 4) NOT NULL CHECK (coverage > 0 AND coverage <= 1),
  valid_from   timestamptz NOT NULL,
  -- NULL: until it is ended.
  valid_until  timestamptz CHECK (valid_until > valid_from),
  reference    text NOT NULL,
  ended        boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, security_id),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);
CREATE INDEX security_standing ON security (tenant, account_id, security_id) WHERE NOT ended;
SELECT protect('security'), protect_account('security');
