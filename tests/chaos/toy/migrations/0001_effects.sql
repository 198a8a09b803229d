-- No key of the business guards these rows: an effect that comes twice is there twice.
CREATE TABLE effect (
  tenant     text NOT NULL,
  id         bigint GENERATED ALWAYS AS IDENTITY,
  account_id text NOT NULL,
  order_id   text NOT NULL,
  version    int NOT NULL,
  what       text NOT NULL,
  PRIMARY KEY (tenant, id)
);

-- What others may wait for ("order/o1").
CREATE TABLE known (
  tenant  text NOT NULL,
  subject text NOT NULL,
  PRIMARY KEY (tenant, subject)
);

-- A rule that the database holds at the end of a transaction, as the ledger's balance is.
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.what = 'unbalanced' THEN
    RAISE EXCEPTION 'unbalanced';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced();

SELECT protect('effect'), protect('known');

-- A test that holds lock 9003 holds a relay after it has sent, before it deletes.
CREATE FUNCTION wait_before_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(9003);
  RETURN NULL;
END $$;
CREATE TRIGGER held BEFORE DELETE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wait_before_delete();
