-- Whoever wants no mail that only informs, and by what anybody who has their mail may say so: unguessable, and good for
-- nothing else (RULES: declining).
ALTER TABLE contact
  ADD COLUMN declined_at   timestamptz,
  ADD COLUMN decline_token text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', '');
