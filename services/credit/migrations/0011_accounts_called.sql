-- By what accounts are found: one row for each word that may be typed, with what follows it.

-- A text of a company, by its number in the contract (receivables.common.v1.Company); '' where there is none.
CREATE FUNCTION company_text(company bytea, wanted int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  at int := 0;
  read int[] := '{0,0}';
  byte int;
  shift int;
BEGIN
  WHILE at < length(company) LOOP
    read := '{0,0}';
    FOR nth IN 1..2 LOOP -- which field, and how long it is
      shift := 0;
      LOOP
        byte := get_byte(company, at);
        at := at + 1;
        read[nth] := read[nth] | ((byte & 127) << shift);
        shift := shift + 7;
        EXIT WHEN byte < 128;
      END LOOP;
      IF nth = 1 AND read[1] & 7 <> 2 THEN -- all of a company's fields are texts and messages
        RETURN '';
      END IF;
    END LOOP;
    IF read[1] >> 3 = wanted THEN
      RETURN convert_from(substr(company, at + 1, read[2]), 'UTF8');
    END IF;
    at := at + read[2];
  END LOOP;
  RETURN '';
END $$;

-- A text as it is searched: small letters and digits, words parted by one space.
CREATE FUNCTION as_searched(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT btrim(regexp_replace(lower(said), '[^[:alnum:]]+', ' ', 'g'))
$$;

CREATE FUNCTION account_words(account_id text, company bytea) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
  WITH name AS (SELECT string_to_array(as_searched(company_text(company, 1)), ' ') AS words)
  SELECT word FROM (
    SELECT as_searched(account_id) UNION SELECT as_searched(company_text(company, 2))
    UNION SELECT array_to_string(words[nth:], ' ') FROM name CROSS JOIN generate_series(1, least(cardinality(words), 20)) AS nth
  ) AS found (word) WHERE word <> ''
$$;

CREATE TABLE account_called (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  word       text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, account_id, word),
  FOREIGN KEY (tenant, account_id) REFERENCES account
);
CREATE INDEX account_called_so ON account_called (tenant, word, account_id);
SELECT protect('account_called'), protect_account('account_called');

-- Whoever writes an account, the version before this one too, keeps its words.
CREATE FUNCTION keep_account_called() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM account_called c WHERE c.tenant = NEW.tenant AND c.account_id = NEW.account_id;
  INSERT INTO account_called (tenant, account_id, word)
  SELECT NEW.tenant, NEW.account_id, word FROM account_words(NEW.account_id, NEW.company) AS word;
  RETURN NULL;
END $$;
CREATE TRIGGER account_called AFTER INSERT OR UPDATE OF company ON account FOR EACH ROW EXECUTE FUNCTION keep_account_called();

ALTER TABLE account NO FORCE ROW LEVEL SECURITY;
ALTER TABLE account_called NO FORCE ROW LEVEL SECURITY;
INSERT INTO account_called (tenant, account_id, word)
SELECT tenant, account_id, word FROM account CROSS JOIN LATERAL account_words(account_id, company) AS word;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
ALTER TABLE account_called FORCE ROW LEVEL SECURITY;
