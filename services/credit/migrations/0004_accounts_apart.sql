-- Whose rows a transaction sees and writes (chassis/0006_accounts_apart.sql). What accounts use and hold is of the whole
-- company, and a hold on an account stops orders of its parts too: neither is narrowed to a part.
SELECT protect_account(t) FROM unnest(ARRAY['account', 'hold', 'decision', 'movement', 'order_of', 'shipment',
  'account_hold']::regclass[]) AS t;
SELECT protect_part('hold'), protect_part_through('decision', 'hold', 'order_id', 'version');
