-- Links by which somebody confirms that they read mail to an address.
ALTER TABLE link DROP CONSTRAINT link_kind_check,
  ADD CONSTRAINT link_kind_check CHECK (kind IN ('SIGN_IN', 'INVITATION', 'APPLICATION', 'FACTS', 'ADDRESS'));
