-- What the seller's people tell buyers: news, and tips. No business is in here, and no person but whoever wrote it.
CREATE TABLE news (
  tenant       text NOT NULL,
  news_id      text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('NEWS', 'TIP')),
  -- By language: {"en": {"title": "…", "body": "…"}}.
  texts        jsonb NOT NULL,
  -- The language whose text those read in whose own there is none.
  fallback     text NOT NULL,
  -- Roles of those whom it is for; empty: everybody.
  roles        text[] NOT NULL,
  -- What they did just before (domain/news.py); empty: whatever they did.
  act          text NOT NULL,
  -- Both included.
  from_day     date NOT NULL,
  to_day       date NOT NULL CHECK (to_day >= from_day),
  -- Who wrote it, or changed it last.
  written_by   text NOT NULL,
  written_at   timestamptz NOT NULL,
  published_at timestamptz,
  withdrawn_at timestamptz,
  PRIMARY KEY (tenant, news_id)
);
CREATE INDEX news_current ON news (tenant, to_day) WHERE published_at IS NOT NULL AND withdrawn_at IS NULL;
CREATE INDEX news_written ON news (tenant, written_at DESC, news_id DESC);

-- What a contact does not want to see again.
CREATE TABLE news_dismissed (
  tenant     text NOT NULL,
  contact_id text NOT NULL,
  news_id    text NOT NULL,
  PRIMARY KEY (tenant, contact_id, news_id)
);

-- Until when a contact is shown nothing, that day not included.
CREATE TABLE news_quiet (
  tenant     text NOT NULL,
  contact_id text NOT NULL,
  until_day  date NOT NULL,
  PRIMARY KEY (tenant, contact_id)
);
CREATE INDEX news_quiet_over ON news_quiet (tenant, until_day);

-- What a contact did here last, of what somebody may have a tip about; kept for some days.
CREATE TABLE deed (
  tenant     text NOT NULL,
  contact_id text NOT NULL,
  act        text NOT NULL,
  on_day     date NOT NULL,
  PRIMARY KEY (tenant, contact_id, act)
);
CREATE INDEX deed_old ON deed (tenant, on_day);

SELECT protect(t) FROM unnest(ARRAY['news', 'news_dismissed', 'news_quiet', 'deed']::regclass[]) AS t;
