-- What an invoice calls its lines; '' of those that were kept before.
ALTER TABLE invoice_line ADD COLUMN name text NOT NULL DEFAULT '';

-- Photos and documents that people add to a case. What somebody added can be forgotten: then it has neither name nor content.
CREATE TABLE evidence (
  tenant      text NOT NULL,
  dispute_id  text NOT NULL,
  evidence_id text NOT NULL,
  file_name   text NOT NULL,
  media_type  text NOT NULL,
  size        int NOT NULL CHECK (size > 0),
  sha256      text NOT NULL,
  content     bytea NOT NULL,
  added_by    text NOT NULL,
  added_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, dispute_id, evidence_id),
  FOREIGN KEY (tenant, dispute_id) REFERENCES dispute,
  CHECK (octet_length(content) = CASE file_name WHEN '' THEN 0 ELSE size END)
);
-- Pictures and documents are compressed already.
ALTER TABLE evidence ALTER COLUMN content SET STORAGE EXTERNAL;
-- The same content is kept once in a case.
CREATE UNIQUE INDEX evidence_content ON evidence (tenant, dispute_id, sha256) WHERE file_name <> '';
-- What is not forgotten: oldest first, and by who added it.
CREATE INDEX evidence_kept ON evidence (added_at, tenant) WHERE file_name <> '';
CREATE INDEX evidence_givers ON evidence USING gin (string_to_array(added_by, ' for ')) WHERE file_name <> '';

SELECT protect('evidence'), protect_through('evidence', 'dispute', 'dispute_id'), append_only('evidence');
DO $$ BEGIN EXECUTE format('GRANT UPDATE (file_name, content) ON evidence TO %I', current_setting('ar.server_role')); END $$;
