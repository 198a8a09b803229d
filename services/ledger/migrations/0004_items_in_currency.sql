-- outside a transaction
-- What is open within one currency, for those who ask for what is not zero: to the planner item_due_of_account, which has
-- what is above zero, was worth as much as item_to_pay, and it reads an account's items of every currency.
DROP INDEX CONCURRENTLY IF EXISTS item_in_currency;
CREATE INDEX CONCURRENTLY item_in_currency ON item (tenant, account_id, currency, due_on, number, invoice_id)
  WHERE open_minor <> 0;
DROP INDEX CONCURRENTLY IF EXISTS item_to_pay;
