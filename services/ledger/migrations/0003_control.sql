-- 1100 = sum of open items is compared at the end only for rows that were left unequal at some moment of the transaction:
-- whatever is unequal at its end was left so by the last change of its row. An invoice that is posted and opened together
-- changes its row twice and is compared once.
DROP TRIGGER control_agrees ON balance;
CREATE CONSTRAINT TRIGGER control_agrees AFTER INSERT OR UPDATE ON balance DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.chart_account = 1100 AND NEW.minor <> NEW.items_minor) EXECUTE FUNCTION control_agrees();
