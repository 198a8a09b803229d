-- What buyers have from the seller, and the lines that are for it. Every column has a default: the version before this one
-- goes on writing beside it.

ALTER TABLE order_line
  -- The seller's id of what the line is for; empty: it does not say.
  ADD COLUMN asset_id text NOT NULL DEFAULT '',
  -- The day of the order, by which those of an asset are listed; NULL where the line names none.
  ADD COLUMN asset_on date;
ALTER TABLE issued_line
  -- BT-128.
  ADD COLUMN asset_id text NOT NULL DEFAULT '',
  -- The day of issue, as above.
  ADD COLUMN asset_on date;

-- Nothing refers to it: a line may name what nobody has told of yet.
CREATE TABLE asset (
  tenant           text NOT NULL,
  asset_id         text NOT NULL,
  account_id       text NOT NULL,
  serial_number    text NOT NULL,
  name             text NOT NULL,
  in_service_since date,
  next_visit_on    date,
  site             text NOT NULL,
  cost_centre      text NOT NULL,
  purchase_order   text NOT NULL,
  -- When all of this was so, but for the readings.
  reported_at      timestamptz NOT NULL,
  -- [[name, value as text, unit, when it was taken], …], the newest of each name.
  readings         jsonb NOT NULL,
  PRIMARY KEY (tenant, asset_id)
);
-- As they are listed and searched: byte by byte, of a tenant and of an account.
CREATE INDEX asset_called ON asset (tenant COLLATE "C", serial_number COLLATE "C", asset_id COLLATE "C");
CREATE INDEX asset_called_of_account ON asset (account_id, tenant, serial_number COLLATE "C", asset_id COLLATE "C");

SELECT protect('asset'), protect_account('asset'), protect_part('asset');
