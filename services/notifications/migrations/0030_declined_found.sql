-- outside a transaction
-- Whose a token is; not tenant first: that is what a mail server asks.
DROP INDEX CONCURRENTLY IF EXISTS contact_decline;
CREATE INDEX CONCURRENTLY contact_decline ON contact (decline_token);
