-- What is owed, what came in, and the double entry behind it. The server adds facts and changes none: what runs along
-- with them (balances, what is open, what is applied) is kept by the triggers below, in the owner's name.
--
-- Of a table that others refer to only the primary key begins with the tenant. The plan of a foreign key's check is kept
-- for the session from when the tables were empty, when any index that begins with the tenant looks as good as the key;
-- with such a one a check reads all of the tenant's rows: 175 invoices a second instead of thousands.

-- The numbers of services/ledger/domain/chart.py.
CREATE DOMAIN chart_account AS smallint CHECK (VALUE IN (
  1000, 1010, 1100, 1190, 1300, 2100, 2110, 2200, 2400, 4000, 4010, 4020, 4030, 4900, 4910,
  6100, 6110, 6900, 6950, 7800, 7810, 7900, 9000, 9001, 9100, 9101, 9200, 9201));

-- A buyer company's account, as credit registered it. Its row is the lock under which everything of the account is booked.
CREATE TABLE account (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  currency   text NOT NULL,
  PRIMARY KEY (tenant, account_id)
);

-- What one fact posts.
CREATE TABLE entry (
  tenant       text NOT NULL,
  account_id   text NOT NULL,
  entry_id     uuid NOT NULL,
  kind         text NOT NULL,
  -- The business key of the fact: books it once.
  reference    text NOT NULL,
  -- The event that was followed; of a call, "call/" and its idempotency key.
  event_id     text NOT NULL,
  actor        text NOT NULL,
  reason       text NOT NULL,
  booked_at    timestamptz NOT NULL,
  effective_on date NOT NULL,
  PRIMARY KEY (tenant, account_id, entry_id),
  UNIQUE (reference, kind, tenant),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);
CREATE UNIQUE INDEX entry_event ON entry (event_id, tenant) WHERE event_id NOT LIKE 'call/%';

CREATE TABLE posting (
  tenant        text NOT NULL,
  account_id    text NOT NULL,
  entry_id      uuid NOT NULL,
  line          smallint NOT NULL CHECK (line >= 1),
  chart_account chart_account NOT NULL,
  currency      text NOT NULL,
  -- Debit above zero, credit below.
  minor         bigint NOT NULL CHECK (minor <> 0),
  PRIMARY KEY (tenant, account_id, entry_id, line),
  FOREIGN KEY (tenant, account_id, entry_id) REFERENCES entry
);

-- What the postings of each buyer's account add up to, by account of the chart.
CREATE TABLE balance (
  tenant        text NOT NULL,
  account_id    text NOT NULL,
  currency      text NOT NULL,
  chart_account chart_account NOT NULL,
  minor         bigint NOT NULL DEFAULT 0,
  -- Of 1100 alone: what is open of the account's items. At every commit the same as minor.
  items_minor   bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, account_id, currency, chart_account),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);

-- An invoice as something owed.
CREATE TABLE item (
  tenant       text NOT NULL,
  invoice_id   text NOT NULL,
  number       text NOT NULL,
  -- The number's letters and digits, by which remittances are matched (services/ledger/domain/matching.py).
  match_key    text NOT NULL,
  account_id   text NOT NULL,
  order_id     text NOT NULL,
  final        boolean NOT NULL,
  issued_on    date NOT NULL,
  due_on       date NOT NULL,
  currency     text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  open_minor   bigint NOT NULL CONSTRAINT item_not_below_zero CHECK (open_minor BETWEEN 0 AND amount_minor),
  PRIMARY KEY (tenant, invoice_id),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);
CREATE INDEX item_match ON item (match_key, account_id, tenant);
CREATE INDEX item_due_of_account ON item (tenant, account_id, due_on, number, invoice_id) WHERE open_minor > 0;
CREATE INDEX item_due ON item (tenant, due_on, number, invoice_id) WHERE open_minor > 0;

CREATE TABLE payment (
  tenant        text NOT NULL,
  payment_id    text NOT NULL,
  account_id    text NOT NULL,
  currency      text NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  applied_minor bigint NOT NULL DEFAULT 0 CONSTRAINT payment_not_overspent CHECK (applied_minor BETWEEN 0 AND amount_minor),
  value_on      date NOT NULL,
  remittance    text NOT NULL,
  PRIMARY KEY (tenant, payment_id),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);

CREATE TABLE credit_note (
  tenant         text NOT NULL,
  credit_note_id text NOT NULL,
  number         text NOT NULL,
  invoice_id     text NOT NULL,
  account_id     text NOT NULL,
  issued_on      date NOT NULL,
  currency       text NOT NULL,
  net_minor      bigint NOT NULL CHECK (net_minor >= 0),
  tax_minor      bigint NOT NULL CHECK (tax_minor >= 0),
  -- What the invoice no longer owed when it came: account 2110.
  kept_minor     bigint NOT NULL CHECK (kept_minor BETWEEN 0 AND net_minor + tax_minor),
  PRIMARY KEY (tenant, credit_note_id),
  FOREIGN KEY (tenant, invoice_id) REFERENCES item
);

-- What one payment, or one credit note, took off one item, and from when on.
CREATE TABLE allocation (
  tenant         text NOT NULL,
  allocation_id  uuid NOT NULL,
  invoice_id     text NOT NULL,
  payment_id     text,
  credit_note_id text,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  evidence       text NOT NULL CHECK (evidence IN ('exact_reference', 'oldest_due', 'credit_note')),
  -- In which order one payment was applied.
  nth            int NOT NULL,
  effective_on   date NOT NULL,
  PRIMARY KEY (tenant, allocation_id),
  CHECK (num_nonnulls(payment_id, credit_note_id) = 1),
  FOREIGN KEY (tenant, invoice_id) REFERENCES item,
  FOREIGN KEY (tenant, payment_id) REFERENCES payment,
  FOREIGN KEY (tenant, credit_note_id) REFERENCES credit_note
);
CREATE INDEX allocation_item ON allocation (tenant, invoice_id);
CREATE INDEX allocation_payment ON allocation (tenant, payment_id, nth) WHERE payment_id IS NOT NULL;

CREATE TABLE dispute (
  tenant     text NOT NULL,
  dispute_id text NOT NULL,
  invoice_id text NOT NULL,
  account_id text NOT NULL,
  currency   text NOT NULL,
  -- How much of it stands in 9100 now.
  memo_minor bigint NOT NULL CHECK (memo_minor >= 0),
  PRIMARY KEY (tenant, dispute_id),
  FOREIGN KEY (tenant, invoice_id) REFERENCES item
);
CREATE INDEX dispute_item ON dispute (tenant, invoice_id) WHERE memo_minor > 0;

SELECT protect('account'), protect('entry'), protect('posting'), protect('balance'), protect('item'),
       protect('payment'), protect('credit_note'), protect('allocation'), protect('dispute');
SELECT append_only('entry'), append_only('posting'), append_only('balance'), append_only('item'),
       append_only('payment'), append_only('credit_note'), append_only('allocation');
DO $$ BEGIN EXECUTE format('REVOKE INSERT ON balance FROM %I', current_setting('ar.server_role')); END $$;

-- Debit = credit. All postings of an entry come in one statement, which is checked as a whole: one query for a batch of
-- entries, where a constraint trigger would run one for each row. Nobody can add to an entry afterwards (it has its line
-- 1), and nobody can change one, so that what balanced once balances for ever. Memo accounts balance among themselves.
CREATE FUNCTION posting_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  wrong record;
BEGIN
  SELECT tenant, entry_id, currency, sum(minor) AS difference INTO wrong
    FROM added GROUP BY tenant, account_id, entry_id, currency, chart_account >= 9000 HAVING sum(minor) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % of % does not balance: % minor units of %', wrong.entry_id, wrong.tenant, wrong.difference,
      wrong.currency USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
  END IF;
  SELECT tenant, entry_id INTO wrong FROM added GROUP BY tenant, account_id, entry_id HAVING min(line) <> 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % of % is booked: nothing can be added to it', wrong.entry_id, wrong.tenant
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_complete';
  END IF;
  INSERT INTO balance AS b (tenant, account_id, currency, chart_account, minor)
  SELECT tenant, account_id, currency, chart_account, sum(minor) FROM added GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (tenant, account_id, currency, chart_account) DO UPDATE SET minor = b.minor + EXCLUDED.minor;
  RETURN NULL;
END $$;
CREATE TRIGGER posting_added AFTER INSERT ON posting REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION posting_added();

-- What is booked stays, whoever asks.
CREATE FUNCTION booked_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is written once: correct it by a new entry', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON entry EXECUTE FUNCTION booked_stays();
CREATE TRIGGER posting_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON posting EXECUTE FUNCTION booked_stays();
CREATE TRIGGER allocation_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON allocation EXECUTE FUNCTION booked_stays();

-- An allocation is what makes an item owe less and uses a payment up; the CHECKs of both tables hold the bounds. Row by
-- row and by key: the plan of a join would be kept, like those of foreign keys, from when the tables were empty.
CREATE FUNCTION allocation_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE item SET open_minor = open_minor - NEW.amount_minor
   WHERE tenant = NEW.tenant AND invoice_id = NEW.invoice_id;
  IF NEW.payment_id IS NOT NULL THEN
    UPDATE payment SET applied_minor = applied_minor + NEW.amount_minor
     WHERE tenant = NEW.tenant AND payment_id = NEW.payment_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER allocation_added AFTER INSERT ON allocation FOR EACH ROW EXECUTE FUNCTION allocation_added();

-- What is open of the items, beside the control account that must say the same.
CREATE FUNCTION item_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO balance AS b (tenant, account_id, currency, chart_account, items_minor)
  SELECT tenant, account_id, currency, 1100, sum(open_minor) FROM added GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (tenant, account_id, currency, chart_account) DO UPDATE SET items_minor = b.items_minor + EXCLUDED.items_minor;
  RETURN NULL;
END $$;
CREATE TRIGGER item_added AFTER INSERT ON item REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION item_added();

CREATE FUNCTION item_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE balance SET items_minor = items_minor + NEW.open_minor - OLD.open_minor
   WHERE tenant = NEW.tenant AND account_id = NEW.account_id AND currency = NEW.currency AND chart_account = 1100;
  RETURN NULL;
END $$;
CREATE TRIGGER item_changed AFTER UPDATE OF open_minor ON item FOR EACH ROW EXECUTE FUNCTION item_changed();

-- AR control = sum of open items, at every commit: one comparison for each account and currency that was touched.
CREATE FUNCTION control_agrees() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  control record;
BEGIN
  SELECT minor, items_minor INTO control FROM balance
   WHERE tenant = NEW.tenant AND account_id = NEW.account_id AND currency = NEW.currency AND chart_account = 1100;
  -- Not found: the transaction changed its tenants after it booked, which hides the row. Nothing passes unseen.
  IF NOT FOUND OR control.minor <> control.items_minor THEN
    RAISE EXCEPTION 'account 1100 of %/% is % minor units of %, its open items are %', NEW.tenant, NEW.account_id,
      control.minor, NEW.currency, control.items_minor USING ERRCODE = 'check_violation', CONSTRAINT = 'control_agrees';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER control_agrees AFTER INSERT OR UPDATE ON balance DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.chart_account = 1100) EXECUTE FUNCTION control_agrees();
