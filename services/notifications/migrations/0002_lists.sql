-- outside a transaction
-- An account's people, and what a person was told, in the order in which they are listed. After this contact_account
-- serves the version before alone.
DROP INDEX CONCURRENTLY IF EXISTS contact_list;
CREATE INDEX CONCURRENTLY contact_list ON contact (account_id, tenant, contact_id);
DROP INDEX CONCURRENTLY IF EXISTS message_contact;
CREATE INDEX CONCURRENTLY message_contact ON message (tenant, contact_id, message_id);
-- Who gets no mail since one bounced: counted, again and again.
DROP INDEX CONCURRENTLY IF EXISTS contact_suspended;
CREATE INDEX CONCURRENTLY contact_suspended ON contact (suspended_at) WHERE suspended_at IS NOT NULL;
