-- Who is bound to parts of a company registers nobody who would hear of more than those parts, and changes nobody who does:
-- they would read in their mail what they are not shown. Whom the company has is seen by all of it, as before.
CREATE POLICY of_part_added ON contact AS RESTRICTIVE FOR INSERT
  WITH CHECK ((SELECT all_parts()) OR is_own_part(site, cost_centre, purchase_order));
CREATE POLICY of_part_changed ON contact AS RESTRICTIVE FOR UPDATE
  USING ((SELECT all_parts()) OR is_own_part(site, cost_centre, purchase_order));
