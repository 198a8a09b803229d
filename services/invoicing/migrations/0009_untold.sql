-- Sellers and contracts that were set before there were versions, and are still to be told whole; not tenant first, as
-- others refer to them.
CREATE INDEX seller_untold ON seller (seller_id, tenant) WHERE version = 0;
CREATE INDEX contract_untold ON contract (account_id, tenant) WHERE version = 0;
