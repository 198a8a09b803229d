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
-- Otherwise these: the nth fields (site, cost centre, purchase order) of each, '' where it is not narrowed by that.
CREATE FUNCTION own_parts(nth int) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT array_agg(split_part(part, E'\x1f', nth) ORDER BY place)
    FROM string_to_table(current_setting('ar.parts', true), E'\x1e') WITH ORDINALITY AS own (part, place)
$$;

-- Of a table that says whose its rows are (account_id).
CREATE FUNCTION protect_account(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($p$CREATE POLICY of_account ON %s AS RESTRICTIVE
    USING ((SELECT all_accounts()) OR account_id = ANY ((SELECT own_accounts())::text[]))$p$, target);
END $$;

-- Of a table that says which part of a company its rows concern: one of several parts suffices; a row that does not say
-- its site is not of a site.
CREATE FUNCTION protect_part(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($p$CREATE POLICY of_part ON %1$s AS RESTRICTIVE
    USING ((SELECT all_parts()) OR EXISTS (
      SELECT FROM unnest((SELECT own_parts(1)), (SELECT own_parts(2)), (SELECT own_parts(3)))
               AS own (site, cost_centre, purchase_order)
       WHERE own.site IN ('', %1$s.site) AND own.cost_centre IN ('', %1$s.cost_centre)
         AND own.purchase_order IN ('', %1$s.purchase_order)))$p$, target);
END $$;

-- Of a table whose rows are seen with those of another that they belong to: keys are "column = column of the other", or a
-- column that both have, beside the tenant. A scalar question goes by key for each row; EXISTS might read the other whole.
CREATE FUNCTION protect_through(target regclass, other regclass, VARIADIC keys text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($p$CREATE POLICY %I ON %s AS RESTRICTIVE
    USING (((SELECT all_accounts()) AND (SELECT all_parts())) OR (SELECT true FROM %s AS other WHERE %s))$p$,
    'with_' || other::text, target, other, same_row(target, keys));
END $$;

-- The same of a table that says whose its rows are, and for its part of a company asks the other.
CREATE FUNCTION protect_part_through(target regclass, other regclass, VARIADIC keys text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- For who looks: a row and what it belongs to may be written by one statement, which does not see its own rows.
  EXECUTE format($p$CREATE POLICY of_part ON %s AS RESTRICTIVE FOR SELECT
    USING ((SELECT all_parts()) OR (SELECT true FROM %s AS other WHERE %s))$p$,
    target, other, same_row(target, keys));
END $$;

CREATE FUNCTION same_row(target regclass, keys text[]) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(format('other.%I = %s.%I', coalesce(nullif(split_part(key, ' = ', 2), ''), key), target,
                           split_part(key, ' = ', 1)), ' AND ')
    FROM unnest(array_prepend('tenant', keys)) AS key
$$;
