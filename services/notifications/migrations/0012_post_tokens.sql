-- outside a transaction
-- Of which mail somebody reports; not tenant first: whose it is, is what is asked. And what persons are said to have written.
DROP INDEX CONCURRENTLY IF EXISTS mail_token;
CREATE INDEX CONCURRENTLY mail_token ON mail (token) WHERE token IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS note_claims;
CREATE INDEX CONCURRENTLY note_claims ON note (claims, tenant) WHERE claims <> '';
