-- outside a transaction
-- In which accounts somebody has an address of a domain.
DROP INDEX CONCURRENTLY IF EXISTS contact_domain;
CREATE INDEX CONCURRENTLY contact_domain ON contact (domain, tenant, account_id) WHERE domain <> '';
