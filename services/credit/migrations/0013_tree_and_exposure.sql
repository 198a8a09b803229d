-- Accounts that owe together: a company's, a group's, a programme's. What an account uses and holds, each node on its path
-- does too.
CREATE TABLE node (
  tenant      text NOT NULL,
  node_id     text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('PARENT', 'GROUP', 'PROGRAMME')),
  -- '': it is part of nothing.
  parent_id   text NOT NULL,
  -- From the root to itself; a node stays where it is.
  path        text[] NOT NULL,
  currency    text NOT NULL,
  limit_minor bigint NOT NULL CHECK (limit_minor >= 0),
  used_minor  bigint NOT NULL DEFAULT 0,
  held_minor  bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
  PRIMARY KEY (tenant, node_id),
  CHECK (path[cardinality(path)] = node_id AND coalesce(path[cardinality(path) - 1], '') = parent_id)
) WITH (fillfactor = 50);
CREATE INDEX node_parts ON node (tenant, parent_id, node_id);
SELECT protect('node');

-- The nodes that an account is part of, the root first; none: it is part of nothing.
ALTER TABLE account ADD COLUMN path text[] NOT NULL DEFAULT '{}',
  -- Of what is used: cash that met no invoice, and credits not yet taken, as the ledger told last.
  ADD COLUMN unapplied_minor bigint NOT NULL DEFAULT 0, ADD COLUMN credits_minor bigint NOT NULL DEFAULT 0;
