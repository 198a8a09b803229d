-- How cases end: what the end of each needs kept. Every column has a default: the version before this one goes on writing.

-- When an invoice is due; NULL of what came before.
ALTER TABLE invoice ADD COLUMN due_date date;

-- A rebill credits all that is left of the invoice, also what the case is not about.
ALTER TABLE dispute
  DROP CONSTRAINT dispute_check,
  ADD CONSTRAINT dispute_credit CHECK (credit_minor >= 0) NOT VALID,
  -- The invoice in the place of the disputed one, and the shipment in the place of what was wrong; '' until they are there.
  ADD COLUMN corrected_invoice_number text NOT NULL DEFAULT '',
  ADD COLUMN replaced_by_shipment     text NOT NULL DEFAULT '',
  -- What the books gave up of the invoice; NULL: nothing was to be given up.
  ADD COLUMN written_off_minor        bigint CHECK (written_off_minor >= 0);

-- Whole units of an invoice's currency that a case may end in as goodwill.
ALTER TABLE policy ADD COLUMN goodwill_max int NOT NULL DEFAULT 100;
