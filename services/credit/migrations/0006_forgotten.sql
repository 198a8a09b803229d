-- Where the tenant's legal entities are: how long records are kept is their law's.
CREATE TABLE seller_country (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  version   int NOT NULL,
  country   text NOT NULL,
  PRIMARY KEY (tenant, seller_id)
);
SELECT protect('seller_country');
