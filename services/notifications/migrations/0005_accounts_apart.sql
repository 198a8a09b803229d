-- Whose rows a transaction sees and writes (chassis/0006_accounts_apart.sql). The seller's own people are of the account '':
-- who is bound to accounts does not see them.
SELECT protect_account(t) FROM unnest(ARRAY['contact', 'company', 'story', 'message', 'vacancy']::regclass[]) AS t;

-- A story names its parts inside, several where it is about several orders: one of them suffices, as for whoever is told
-- (services/notifications/domain/routing.py).
CREATE POLICY of_part ON story AS RESTRICTIVE
  USING ((SELECT all_parts()) OR EXISTS (
    SELECT FROM unnest((SELECT own_parts(1)), (SELECT own_parts(2)), (SELECT own_parts(3)))
             AS own (site, cost_centre, purchase_order)
      JOIN jsonb_array_elements(coalesce(story.told->'scopes', jsonb_build_array(story.told->'scope'))) AS scope
        ON own.site IN ('', scope->>'site') AND own.cost_centre IN ('', scope->>'cost_centre')
       AND own.purchase_order IN ('', scope->>'purchase_order')));
SELECT protect_part_through('message', 'story', 'fact');

-- An account's people see what was told to them and their colleagues, and not what the seller's people were told of it.
SELECT protect_through('message', 'contact', 'contact_id'), protect_through('mail', 'contact', 'contact_id');
