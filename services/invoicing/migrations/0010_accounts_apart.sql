-- Whose rows a transaction sees and writes (chassis/0006_accounts_apart.sql).
SELECT protect_account(t) FROM unnest(ARRAY['buyer', 'contract', 'contract_version', 'sales_order', 'issued', 'held']::regclass[]) AS t;
SELECT protect_part('sales_order'), protect_part('issued'), protect_part_through('held', 'sales_order', 'order_id');
SELECT protect_through(t, 'sales_order', 'order_id') FROM unnest(ARRAY['order_line', 'shipment']::regclass[]) AS t;
SELECT protect_through(t, 'issued', 'document_id')
  FROM unnest(ARRAY['issued_line', 'document', 'paper', 'rendered', 'unwritten']::regclass[]) AS t;
SELECT protect_through(t, 'issued', 'invoice_id = document_id') FROM unnest(ARRAY['invoice_balance', 'credit_request']::regclass[]) AS t;
