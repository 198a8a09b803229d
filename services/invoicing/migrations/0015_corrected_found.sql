-- outside a transaction
-- One invoice a shipment, beside those that take its place.
DROP INDEX CONCURRENTLY IF EXISTS issued_shipment_once;
CREATE UNIQUE INDEX CONCURRENTLY issued_shipment_once ON issued (tenant, order_id, shipment_id)
  WHERE kind = '380' AND corrects IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS issued_shipment;
