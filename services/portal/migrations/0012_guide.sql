-- What of the guide a contact was shown: at the first order, invoice, case or payment of their account.
CREATE TABLE guide (
  tenant       text NOT NULL,
  contact_id   text NOT NULL,
  -- "order", "invoice", "dispute" or "payment".
  moment       text NOT NULL,
  -- At what it is shown; '': at nothing, for the first of these was before.
  about        text NOT NULL,
  -- When they wanted to see it no more; null: they have not said so.
  dismissed_at timestamptz,
  PRIMARY KEY (tenant, contact_id, moment)
);
SELECT protect('guide');
