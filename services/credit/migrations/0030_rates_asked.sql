-- On which day a seller was last told rates by their source.
CREATE TABLE rates_asked (
  tenant text PRIMARY KEY,
  day    date NOT NULL
);
SELECT protect('rates_asked');
