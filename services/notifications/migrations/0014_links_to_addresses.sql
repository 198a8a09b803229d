-- Links to who is no contact yet: where they go, and in which language they are written; '' of a contact's own.
ALTER TABLE link
  ADD COLUMN address  text NOT NULL DEFAULT '',
  ADD COLUMN language text NOT NULL DEFAULT '',
  DROP CONSTRAINT link_kind_check,
  ADD CONSTRAINT link_kind_check CHECK (kind IN ('SIGN_IN', 'INVITATION', 'APPLICATION', 'FACTS'));
