-- Whose rows a transaction sees and writes (chassis/0006_accounts_apart.sql).
SELECT protect_account('invoice'), protect_account('dispute');
SELECT protect_part('invoice'), protect_part_through('dispute', 'invoice', 'invoice_id');
SELECT protect_through(t, 'invoice', 'invoice_id') FROM unnest(ARRAY['invoice_line', 'credit_note', 'credited_rate']::regclass[]) AS t;
SELECT protect_through(t, 'dispute', 'dispute_id') FROM unnest(ARRAY['dispute_line', 'dispute_move']::regclass[]) AS t;
