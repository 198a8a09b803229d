-- Orders, debts and groups in other currencies than the account's.

-- What one unit of a currency is worth in another on a day, as it was set last.
CREATE TABLE rate (
  tenant  text NOT NULL,
  base    text NOT NULL,
  quote   text NOT NULL,
  day     date NOT NULL,
  rate    numeric(20, 10) NOT NULL CHECK (rate > 0),
  -- By which setting of rates, contiguous from 1.
  version int NOT NULL,
  PRIMARY KEY (tenant, base, quote, day),
  CHECK (base <> quote)
);
CREATE INDEX rate_version ON rate (tenant, version);
CREATE INDEX rate_listed ON rate (tenant, day, base, quote);
SELECT protect('rate');

ALTER TABLE policy
  ADD COLUMN currency_buffer numeric NOT NULL DEFAULT 0.02 CHECK (currency_buffer BETWEEN 0 AND 1),
  ADD COLUMN rate_days int NOT NULL DEFAULT 7 CHECK (rate_days BETWEEN 1 AND 31);

-- What a hold took of the account, where that is kept in another currency than the order's; NULL: its amount.
ALTER TABLE hold
  ADD COLUMN taken_minor bigint CHECK (taken_minor >= 0),
  ADD COLUMN taken_currency text CHECK ((taken_currency IS NULL) = (taken_minor IS NULL));

-- In which currency the headroom is; NULL: the order's.
ALTER TABLE decision ADD COLUMN headroom_currency text;

ALTER TABLE account
  -- What is owed in other currencies, in minor units, and what of used_minor that is: {"SEK": [10000, 871]}.
  ADD COLUMN abroad jsonb NOT NULL DEFAULT '{}',
  -- What the nodes of the path use and hold of it, where these are in another currency; NULL: as the account.
  ADD COLUMN group_used_minor bigint,
  ADD COLUMN group_held_minor bigint CHECK (group_held_minor >= 0),
  -- By which version of the rates all this is valued; NULL: nothing is in another currency.
  ADD COLUMN valued_version int;
