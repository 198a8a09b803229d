-- Holds are placed on, and taken off, what the caller is bound to alone. Those of the whole company are seen by whoever is
-- bound to a part of it: they stop its orders too.
CREATE POLICY placed_on_part ON account_hold AS RESTRICTIVE FOR INSERT
  WITH CHECK ((SELECT all_parts()) OR is_own_part(site, cost_centre, purchase_order));
CREATE POLICY lifted_of_part ON account_hold AS RESTRICTIVE FOR UPDATE
  USING (true) WITH CHECK ((SELECT all_parts()) OR is_own_part(site, cost_centre, purchase_order));
