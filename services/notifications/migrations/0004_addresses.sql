-- outside a transaction
-- Who has one address (of which the domain is the same in any case), and which mails travel with another.
DROP INDEX CONCURRENTLY IF EXISTS contact_address;
CREATE INDEX CONCURRENTLY contact_address
  ON contact ((split_part(email, '@', 1) || '@' || lower(split_part(email, '@', 2))), tenant);
DROP INDEX CONCURRENTLY IF EXISTS mail_carried;
CREATE INDEX CONCURRENTLY mail_carried ON mail (carrier, key, tenant) WHERE carrier IS NOT NULL;
