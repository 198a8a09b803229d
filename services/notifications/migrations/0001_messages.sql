-- People, what they were told, and what became of the mail.

-- The one table that holds persons' data.
CREATE TABLE contact (
  tenant         text NOT NULL,
  contact_id     text NOT NULL,
  -- The buyer's account; '' for the seller's own people.
  account_id     text NOT NULL,
  name           text NOT NULL,
  email          text NOT NULL,
  roles          text[] NOT NULL,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  language       text NOT NULL,
  wants_document boolean NOT NULL,
  -- A mail bounced: none goes there until the contact is registered anew.
  suspended_at   timestamptz,
  PRIMARY KEY (tenant, contact_id)
);
-- Not tenant first: a foreign key's check, planned while the table is empty, would take it for as good as the key.
CREATE INDEX contact_account ON contact (account_id, tenant);

-- How a buyer's company is called.
CREATE TABLE company (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  name       text NOT NULL,
  PRIMARY KEY (tenant, account_id)
);

CREATE TABLE seller (
  tenant    text NOT NULL,
  seller_id text NOT NULL,
  name      text NOT NULL,
  PRIMARY KEY (tenant, seller_id)
);

-- The scope of orders that have one: the shop's shipment does not repeat it.
CREATE TABLE order_scope (
  tenant         text NOT NULL,
  order_id       text NOT NULL,
  site           text NOT NULL,
  cost_centre    text NOT NULL,
  purchase_order text NOT NULL,
  PRIMARY KEY (tenant, order_id)
);

-- The reason of a dispute: only its opening says it.
CREATE TABLE dispute_reason (
  tenant      text NOT NULL,
  dispute_id  text NOT NULL,
  reason_code text NOT NULL,
  PRIMARY KEY (tenant, dispute_id)
);

-- What belongs together for people: "invoice/…", "order/…". Its version counts what happened, the same for everybody.
CREATE TABLE case_file (
  tenant  text NOT NULL,
  about   text NOT NULL,
  -- The unguessable part of the address that takes replies.
  token   text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
  version int NOT NULL CHECK (version > 0),
  PRIMARY KEY (tenant, about),
  UNIQUE (token)
);

-- A fact, told once, whole: so that it can be told again to somebody else, in another language.
CREATE TABLE story (
  tenant       text NOT NULL,
  fact         text NOT NULL,
  about        text NOT NULL,
  case_version int NOT NULL,
  account_id   text NOT NULL,
  told         jsonb NOT NULL,
  told_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant, fact),
  FOREIGN KEY (tenant, about) REFERENCES case_file
);

-- A mail to one person: one message, or the digest of a business day.
CREATE TABLE mail (
  tenant      text NOT NULL,
  contact_id  text NOT NULL,
  -- The fact, or "digest/<when>": with the contact what the Message-ID is made of.
  key         text NOT NULL,
  -- By the business clock.
  due_at      timestamptz NOT NULL,
  state       text NOT NULL CHECK (state IN ('QUEUED', 'SENT', 'ACCEPTED', 'SOFT_BOUNCED', 'HARD_BOUNCED')),
  attempts    int NOT NULL DEFAULT 0,
  -- By the system's clock: when to try again; while SENT, when the one who sends it counts as gone.
  next_try_at timestamptz NOT NULL DEFAULT now(),
  -- Who sends it just now.
  claim       text,
  smtp_code   int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, contact_id, key),
  FOREIGN KEY (tenant, contact_id) REFERENCES contact
);
CREATE INDEX mail_open ON mail (due_at) WHERE state IN ('QUEUED', 'SENT', 'SOFT_BOUNCED');

-- What one person was told of one fact, in their language, word for word.
CREATE TABLE message (
  tenant         text NOT NULL,
  message_id     text NOT NULL,
  contact_id     text NOT NULL,
  fact           text NOT NULL,
  account_id     text NOT NULL,
  event_type     text NOT NULL,
  about          text NOT NULL,
  case_version   int NOT NULL,
  -- As what they hear it; '' because they want the document.
  role           text NOT NULL,
  weight         text NOT NULL CHECK (weight IN ('ACT', 'INFORM', 'DIGEST')),
  language       text NOT NULL,
  -- The name in From.
  sender         text NOT NULL,
  subject        text NOT NULL,
  what_happened  text NOT NULL,
  affects        text NOT NULL,
  what_we_do     text NOT NULL,
  action         text NOT NULL,
  action_link    text NOT NULL,
  owner          text NOT NULL,
  by_when        date NOT NULL,
  next_update_at date NOT NULL,
  track_url      text NOT NULL,
  why_you        text NOT NULL,
  -- The invoice or credit note that goes along; '' for none.
  document       text NOT NULL,
  told_on        date NOT NULL,
  created_at     timestamptz NOT NULL,
  -- By the business clock: at once, or the end of the business day.
  due_at         timestamptz NOT NULL,
  -- Null until a digest gathers it.
  mail_key       text,
  PRIMARY KEY (tenant, message_id),
  UNIQUE (tenant, contact_id, fact),
  FOREIGN KEY (tenant, fact) REFERENCES story,
  FOREIGN KEY (tenant, contact_id, mail_key) REFERENCES mail,
  CHECK ((weight = 'ACT') = (action <> ''))
);
CREATE INDEX message_mail ON message (tenant, contact_id, mail_key);
CREATE INDEX message_ungathered ON message (due_at) WHERE mail_key IS NULL;
CREATE INDEX message_account ON message (tenant, account_id, message_id);
CREATE INDEX message_about ON message (tenant, about, message_id);

-- Roles that had to act and that nobody holds; gone when somebody is registered.
CREATE TABLE vacancy (
  tenant     text NOT NULL,
  account_id text NOT NULL,
  role       text NOT NULL,
  since      timestamptz NOT NULL,
  PRIMARY KEY (tenant, account_id, role)
);

SELECT protect('contact'), protect('company'), protect('seller'), protect('order_scope'), protect('dispute_reason'),
       protect('case_file'), protect('story'), protect('mail'), protect('message'), protect('vacancy');
SELECT append_only('story');
