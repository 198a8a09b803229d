-- What people are told by: the clocks and languages of the legal entities, the tenant's own policy, and whose mail
-- carries whose messages.

-- '' where SellerChanged did not come yet; version is that event's.
ALTER TABLE seller
  ADD COLUMN version   int  NOT NULL DEFAULT 0,
  ADD COLUMN time_zone text NOT NULL DEFAULT '',
  ADD COLUMN holidays  text NOT NULL DEFAULT '',
  ADD COLUMN opens_at  text NOT NULL DEFAULT '',
  ADD COLUMN closes_at text NOT NULL DEFAULT '',
  ADD COLUMN language  text NOT NULL DEFAULT '';

-- When people are told; the newest version counts.
CREATE TABLE policy (
  tenant    text NOT NULL,
  version   int NOT NULL CHECK (version > 0),
  digest_at time NOT NULL,
  set_by    text NOT NULL,
  set_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant, version)
);
SELECT protect('policy');
SELECT append_only('policy');

-- The contact with whose mail of the same key this one travels, since both have one address; null: it travels itself.
ALTER TABLE mail ADD COLUMN carrier text;

-- What people call a case: only the cases' own events say it.
ALTER TABLE dispute_reason ADD COLUMN number text NOT NULL DEFAULT '';
