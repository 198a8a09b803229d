-- What accounts may owe together, by when it counts and since when that is known, as for accounts (0012_limits.sql).
ALTER TABLE node
  ADD COLUMN registered_at timestamptz NOT NULL DEFAULT now(),
  -- limit_minor is what may be owed now, until then; NULL: until somebody changes it.
  ADD COLUMN limit_until timestamptz;
CREATE INDEX node_turning ON node (limit_until) WHERE limit_until IS NOT NULL;
-- Of a table that others refer to only the key begins with the tenant.
DROP INDEX node_parts;
CREATE INDEX node_parts ON node (parent_id, tenant, node_id);

CREATE TABLE node_grant (
  tenant       text NOT NULL,
  node_id      text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  valid_from   timestamptz NOT NULL,
  -- NULL: until another is granted.
  valid_until  timestamptz CHECK (valid_until > valid_from),
  known_from   timestamptz NOT NULL,
  -- NULL: it is what we know.
  known_until  timestamptz CHECK (known_until > known_from),
  PRIMARY KEY (tenant, node_id, valid_from, known_from),
  FOREIGN KEY (tenant, node_id) REFERENCES node,
  CONSTRAINT one_node_limit_at_a_time EXCLUDE USING gist (
    tenant WITH =, node_id WITH =, tstzrange(valid_from, valid_until) WITH &&, tstzrange(known_from, known_until) WITH &&)
);
SELECT protect('node_grant');

-- Whoever makes a node, the version before this one too, grants its first limit.
CREATE FUNCTION grant_first_node_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO node_grant (tenant, node_id, amount_minor, valid_from, known_from)
  VALUES (NEW.tenant, NEW.node_id, NEW.limit_minor, NEW.registered_at, NEW.registered_at);
  RETURN NULL;
END $$;
CREATE TRIGGER first_limit AFTER INSERT ON node FOR EACH ROW EXECUTE FUNCTION grant_first_node_limit();

-- Of what was granted before, what counts now is all that is known.
ALTER TABLE node NO FORCE ROW LEVEL SECURITY;
ALTER TABLE node_grant NO FORCE ROW LEVEL SECURITY;
INSERT INTO node_grant (tenant, node_id, amount_minor, valid_from, known_from)
SELECT tenant, node_id, limit_minor, registered_at, registered_at FROM node;
ALTER TABLE node FORCE ROW LEVEL SECURITY;
ALTER TABLE node_grant FORCE ROW LEVEL SECURITY;
