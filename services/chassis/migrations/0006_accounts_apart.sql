-- The second lock: beside its tenants (ar.tenants) a transaction says which accounts of theirs it serves (ar.accounts) and
-- which parts of those companies (ar.parts), so that a check forgotten at the door shows nobody what is another's.
-- services/chassis/database.py sets both. Asked as (SELECT f()) each is found once a statement, not once a row.

-- "*": all. Nothing is set by the version before this one, which serves all; the next release takes that away.
CREATE FUNCTION all_accounts() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(nullif(current_setting('ar.accounts', true), ''), '*') = '*'
$$;
-- Otherwise these, each after a separator. The account '' is nobody's: whoever is bound to none sees none.
CREATE FUNCTION own_accounts() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT string_to_array(current_setting('ar.accounts', true), E'\x1f', '')
$$;

-- Nothing: all parts.
CREATE FUNCTION all_parts() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(current_setting('ar.parts', true), '') = ''
$$;
-- Otherwise these, of which one suffices: whether a row's site, cost centre and purchase order are of one. What is '' in a
-- part is not narrowed by that; a row that names no site is not of a site. Not SQL: the planner would take it apart, for
-- each statement, whoever asks.
CREATE FUNCTION is_own_part(site text, cost_centre text, purchase_order text)
RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  own text[];
  part text;
BEGIN
  FOREACH part IN ARRAY string_to_array(current_setting('ar.parts', true), E'\x1e') LOOP
    own := string_to_array(part, E'\x1f');
    IF own[1] IN ('', site) AND own[2] IN ('', cost_centre) AND own[3] IN ('', purchase_order) THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END $$;

-- Of a table that says whose its rows are (account_id).
CREATE FUNCTION protect_account(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($p$CREATE POLICY of_account ON %s AS RESTRICTIVE
    USING ((SELECT all_accounts()) OR account_id = ANY ((SELECT own_accounts())::text[]))$p$, target);
END $$;

-- Of a table that says which part of a company its rows concern.
CREATE FUNCTION protect_part(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($p$CREATE POLICY of_part ON %s AS RESTRICTIVE
    USING ((SELECT all_parts()) OR is_own_part(site, cost_centre, purchase_order))$p$, target);
END $$;

-- Of a table whose rows are seen with those of another that they belong to: keys are "column = column of the other", or a
-- column that both have, beside the tenant.
CREATE FUNCTION protect_through(target regclass, other regclass, VARIADIC keys text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($p$CREATE POLICY %I ON %s AS RESTRICTIVE
    USING (((SELECT all_accounts()) AND (SELECT all_parts())) OR %s)$p$,
    'with_' || other::text, target, seen_with(target, other, keys));
END $$;

-- The same of a table that says whose its rows are, and for its part of a company asks the other.
CREATE FUNCTION protect_part_through(target regclass, other regclass, VARIADIC keys text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- For who looks: a row and what it belongs to may be written by one statement, which does not see its own rows.
  EXECUTE format($p$CREATE POLICY of_part ON %s AS RESTRICTIVE FOR SELECT USING ((SELECT all_parts()) OR %s)$p$,
    target, seen_with(target, other, keys));
END $$;

-- Make the question whether a row's other one is seen by whoever asks, and return its call. Each call finds one row by its
-- key, under the other's own policies; a subquery in the policy would be planned with every statement, whoever asks.
CREATE FUNCTION seen_with(target regclass, other regclass, keys text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  asks text := format('%I', target::text || '_seen_with_' || other::text);
  columns text[];
  types text;
  found text;
BEGIN
  SELECT array_agg(split_part(key, ' = ', 1) ORDER BY nth),
         string_agg(format_type(a.atttypid, a.atttypmod), ', ' ORDER BY nth),
         string_agg(format('%I = $%s', coalesce(nullif(split_part(key, ' = ', 2), ''), key), nth), ' AND ' ORDER BY nth)
    INTO columns, types, found
    FROM unnest(array_prepend('tenant', keys)) WITH ORDINALITY AS given (key, nth)
    JOIN pg_attribute a ON a.attrelid = target AND a.attname = split_part(key, ' = ', 1);
  EXECUTE format($f$CREATE FUNCTION %s(%s) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $b$
    BEGIN RETURN EXISTS (SELECT FROM %s WHERE %s); END $b$ $f$, asks, types, other, found);
  RETURN format('%s(%s)', asks, (SELECT string_agg(format('%I', name), ', ' ORDER BY nth)
                                   FROM unnest(columns) WITH ORDINALITY AS name (name, nth)));
END $$;
