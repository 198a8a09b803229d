-- Who stands in for whom, from a day to a day, both included, with which of that one's roles.
CREATE TABLE delegation (
  tenant        text NOT NULL,
  delegation_id text NOT NULL,
  -- Empty: of the seller's people.
  account_id    text NOT NULL,
  from_contact  text NOT NULL,
  to_contact    text NOT NULL CHECK (to_contact <> from_contact),
  roles         text[] NOT NULL,
  from_day      date NOT NULL,
  to_day        date NOT NULL CHECK (to_day >= from_day),
  -- Whoever said so: the one who is away, or an administrator.
  made_by       text NOT NULL,
  made_at       timestamptz NOT NULL,
  ended_at      timestamptz,
  PRIMARY KEY (tenant, delegation_id)
);
CREATE INDEX delegation_from ON delegation (tenant, from_contact, to_day);
CREATE INDEX delegation_to ON delegation (tenant, to_contact, to_day);

SELECT protect('delegation');
SELECT protect_account('delegation');
