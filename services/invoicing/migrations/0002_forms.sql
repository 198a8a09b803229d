-- The form that was agreed with a buyer, and other formats of what was issued. Every column has a default: the version
-- before this one goes on writing beside it.

ALTER TABLE seller ADD COLUMN logo bytea NOT NULL DEFAULT '';
ALTER TABLE contract ADD COLUMN profile text NOT NULL DEFAULT 'en16931',
                     ADD COLUMN format text NOT NULL DEFAULT 'ubl';
ALTER TABLE issued ADD COLUMN profile text NOT NULL DEFAULT 'en16931',
                   -- Not "format": the version before selects i.* beside document's column of that name.
                   ADD COLUMN file_format text NOT NULL DEFAULT 'ubl';
-- The document's one row holds the XML as it was issued; of a PDF, the XML inside.
ALTER TABLE document ADD COLUMN profile text NOT NULL DEFAULT 'en16931';

-- What a document says, whole and in the name of no profile (our own JSON): what its other formats are written from.
CREATE TABLE paper (
  tenant      text NOT NULL,
  document_id text NOT NULL,
  content     bytea NOT NULL,
  PRIMARY KEY (tenant, document_id),
  FOREIGN KEY (tenant, document_id) REFERENCES issued
);

-- Other formats, kept as they were first given: the same bytes each time, whatever becomes of the code that wrote them.
CREATE TABLE rendered (
  tenant      text NOT NULL,
  document_id text NOT NULL,
  format      text NOT NULL,
  -- Empty where the format has none.
  profile     text NOT NULL,
  content     bytea NOT NULL,
  sha256      text NOT NULL,
  rule_set    text NOT NULL,
  PRIMARY KEY (tenant, document_id, format, profile),
  FOREIGN KEY (tenant, document_id) REFERENCES issued
);

-- Documents whose file is still to be written (a PDF, which takes too long for the transaction that numbers) and told.
CREATE TABLE unwritten (
  tenant          text NOT NULL,
  document_id     text NOT NULL,
  actor           text NOT NULL,
  reason          text NOT NULL,
  idempotency_key text NOT NULL,
  traceparent     text NOT NULL,
  causation_id    text NOT NULL,
  -- One that cannot be written waits longer each time and holds up no other; why is said here.
  attempts        int NOT NULL DEFAULT 0,
  next_try_at     timestamptz NOT NULL DEFAULT now(),
  failure         text NOT NULL DEFAULT '',
  PRIMARY KEY (tenant, document_id),
  FOREIGN KEY (tenant, document_id) REFERENCES issued
);

SELECT protect(t) FROM unnest(ARRAY['paper', 'rendered', 'unwritten']::regclass[]) AS t;
SELECT append_only(t) FROM unnest(ARRAY['paper', 'rendered']::regclass[]) AS t;
