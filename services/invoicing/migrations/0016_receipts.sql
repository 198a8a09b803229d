-- What arrived of shipments, as the carrier or whoever took it in said; several of a shipment add up.
CREATE TABLE receipt (
  tenant        text NOT NULL,
  order_id      text NOT NULL,
  receipt_id    text NOT NULL,
  shipment_id   text NOT NULL,
  received_on   date NOT NULL,
  -- [[line, in good order, damaged], …], quantities as text.
  arrived       jsonb NOT NULL,
  -- The contact's id; '': the carrier does not say.
  received_by   text NOT NULL,
  -- [SHA-256 in hexadecimal, …].
  photo_sha256s jsonb NOT NULL,
  PRIMARY KEY (tenant, order_id, receipt_id),
  FOREIGN KEY (tenant, order_id, shipment_id) REFERENCES shipment
);
SELECT protect('receipt'), protect_through('receipt', 'sales_order', 'order_id'), append_only('receipt');
