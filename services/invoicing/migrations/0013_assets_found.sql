-- outside a transaction
-- The orders and the documents of an asset, by their day; of lines that name none there is nothing in here.
DROP INDEX CONCURRENTLY IF EXISTS order_line_of_asset;
CREATE INDEX CONCURRENTLY order_line_of_asset ON order_line (tenant, asset_id, asset_on, order_id) WHERE asset_id <> '';
DROP INDEX CONCURRENTLY IF EXISTS issued_line_of_asset;
CREATE INDEX CONCURRENTLY issued_line_of_asset ON issued_line (tenant, asset_id, asset_on, document_id)
  WHERE asset_id <> '';
