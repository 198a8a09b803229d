-- What somebody is to be mailed of what happened here, until notifications has it: made with what happened, so that no crash
-- comes between the two.
CREATE TABLE notice (
  tenant      text NOT NULL,
  notice_id   text NOT NULL,
  contact_id  text NOT NULL,
  -- Of the order that waits, of which nothing is said once it does not wait any more; '' of everything else.
  purchase_id text NOT NULL,
  -- As notifications' contract has it (SendNoticeRequest), but for where it leads.
  request     bytea NOT NULL,
  -- The page to which it leads.
  path        text NOT NULL,
  -- It has its place among what somebody is mailed in an hour.
  counted     boolean NOT NULL DEFAULT false,
  made_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, notice_id)
);
CREATE INDEX notice_old ON notice (made_at);
SELECT protect('notice');
