-- Whose rows a transaction sees and writes (chassis/0006_accounts_apart.sql). The seller's own people are of the account '':
-- who is bound to accounts does not see them.
SELECT protect_account(t) FROM unnest(ARRAY['contact', 'company', 'story', 'message', 'vacancy']::regclass[]) AS t;

-- A story names its parts inside, several where it is about several orders: one of them suffices, as for whoever is told
-- (services/notifications/domain/routing.py).
CREATE FUNCTION story_is_own_part(told jsonb) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM jsonb_array_elements(coalesce(told->'scopes', jsonb_build_array(told->'scope'))) AS scope
     WHERE is_own_part(scope->>'site', scope->>'cost_centre', scope->>'purchase_order'));
END $$;
CREATE POLICY of_part ON story AS RESTRICTIVE USING ((SELECT all_parts()) OR story_is_own_part(told));
SELECT protect_part_through('message', 'story', 'fact');

-- An account's people see what was told to them and their colleagues, and not what the seller's people were told of it.
SELECT protect_through('message', 'contact', 'contact_id'), protect_through('mail', 'contact', 'contact_id');
