-- Which provider let somebody in, and by what it knows that session: it ends them when its own ends
-- (OpenID Connect Back-Channel Logout 1.0). Empty: none did, or it has not said.
ALTER TABLE session
  ADD COLUMN provider_id  text NOT NULL DEFAULT '',
  ADD COLUMN provider_sid text NOT NULL DEFAULT '';
