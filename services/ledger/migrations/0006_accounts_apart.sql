-- Whose rows a transaction sees and writes (chassis/0006_accounts_apart.sql). Entries, balances and payments are of the
-- whole company; what is owed of an invoice, and what was taken off it, is of the part that it concerns.
SELECT protect_account(t) FROM unnest(ARRAY['account', 'entry', 'posting', 'balance', 'item', 'payment', 'credit_note',
  'dispute', 'matching']::regclass[]) AS t;
SELECT protect_part('item'), protect_part_through('credit_note', 'item', 'invoice_id'),
       protect_part_through('dispute', 'item', 'invoice_id');
SELECT protect_through('allocation', 'item', 'invoice_id'), protect_through('double_payment', 'payment', 'payment_id');
