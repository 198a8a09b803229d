"""Fills a service's database with a million rows of its business, by SQL alone: minutes, where events would take hours.

Row n is order `o<n>`, invoice `i<n>` and so on; one in ten is the account `b0`'s, the others are spread over 20,000 more; one
in a hundred is the tenant `other`'s. What the triggers and foreign keys would see to is written as they would.
"""

import os

import psycopg
from psycopg import sql

# Fewer for a quick look while something is being written: what counts is the million.
ROWS = int(os.environ.get("AR_VOLUME_ROWS", "1000000"))
ACCOUNTS = 20_000

_TENANT = "CASE WHEN n % 100 = 99 THEN 'other' ELSE 'acme' END"
_ACCOUNT = f"CASE WHEN n % 10 = 0 THEN 'b0' ELSE 'b' || n % {ACCOUNTS} END"
_OF = f"(SELECT n, {_TENANT} AS t, {_ACCOUNT} AS b FROM generate_series(1, %(rows)s) AS n) AS s"
_HOUSES = f"""(SELECT t, 'b' || a AS b FROM unnest(ARRAY['acme', 'other']) AS t,
                      generate_series(0, {ACCOUNTS - 1}) AS a) AS h"""

# Who wrote something: people of the buyers, one in ten times by somebody who stands in for them.
_WHO = "CASE WHEN n % 10 = 1 THEN 'user:ada for ' ELSE '' END || 'contact:c-' || b"

CHASSIS = (
    "INSERT INTO tenant VALUES ('acme'), ('other')",
    f"INSERT INTO inbox SELECT '%(service)s', 'known-' || n, '\\x00' FROM {_OF}",
    f"INSERT INTO sequence SELECT 'receivables.%(service)s.v1', t || '/' || b, 100 FROM {_HOUSES}",
    f"INSERT INTO answer SELECT t, 'known-' || n, 'Method', '\\x00', '\\x00' FROM {_OF}",
    f"""INSERT INTO act (tenant, number, actor, on_behalf_of, issuer, workload, method, account_id, idempotency_key, digest,
                         outcome, code, times) OVERRIDING SYSTEM VALUE
        SELECT t, n, 'user:u' || n % 50, '', 'portal', 'portal', 'Method', b, 'known-' || n, '\\x00', 'done', '', 1 FROM {_OF}""",
    "SELECT setval(pg_get_serial_sequence('act', 'number'), %(rows)s)",
    "INSERT INTO act_link SELECT tenant, number, sha256(digest) FROM act WHERE tenant <> '-'",
    f"""INSERT INTO act_root SELECT t, current_date - (%(rows)s - n)::int / 1000, max(n), sha256('') FROM {_OF} GROUP BY 1, 2""",
    f"""INSERT INTO parked (consumer, topic, partition, kafka_offset, event_id, event_type, tenant, subject, headers, reason,
                            code, detail, closed_at)
        SELECT '%(service)s', 'receivables.orders.v1', 0, n, 'parked-' || n, 'type', t, 'order/parked-' || n, '{{}}', 'refused',
               'code', '', CASE WHEN n % 20 > 0 THEN now() END FROM {_OF} WHERE n % 5 = 0""",
)


def _standing(kind: str) -> tuple[str, ...]:
    """Approvals that stand or were revoked, and what was approved by some of them."""
    return (
        f"""INSERT INTO standing_approval
            SELECT t, 'sa' || n, b, ARRAY['{kind}'], '{{}}', '', '', 'EUR', 100, 100000, 1000, 30, now(),
                   now() + interval '300 days', 'user:ada', now() - interval '1 second' * n, '{{}}', 'user:bo', now(),
                   CASE WHEN n % 1000 <> 5 THEN 'user:ada' END, CASE WHEN n % 1000 <> 5 THEN now() END
              FROM {_OF} WHERE n % 5 = 0""",
        f"""INSERT INTO standing_use
            SELECT t, 'act/' || n, 'sa' || n % 1000, b, '{kind}', '', 'EUR', 100, now() FROM {_OF} WHERE n % 5 = 0""",
    )


CREDIT = (
    *_standing("UPLIFT"),
    f"""INSERT INTO hold
        SELECT t, 'o' || n, 1, b, state, 'EUR', 10000, CASE state WHEN 'HELD' THEN 10000 ELSE 0 END,
               CASE state WHEN 'CAPTURED' THEN 10000 ELSE 0 END, now() + interval '7 days', '', '', ''
          FROM (SELECT *, CASE WHEN n % 1000 = 1 THEN 'REFERRED' WHEN n % 50 = 2 THEN 'HELD' ELSE 'CAPTURED' END AS state
                  FROM {_OF}) AS s""",
    """INSERT INTO decision
       SELECT tenant, 'd-' || order_id, order_id, 1, account_id, CASE state WHEN 'REFERRED' THEN 'REFERRED' ELSE 'APPROVED' END,
              '{within_limit}', 'engine', 'EUR', 10000, 5000, expires_at, now() FROM hold""",
    """INSERT INTO movement SELECT tenant, account_id, 'hold order/' || order_id || '/1', 0, 10000, now()
         FROM hold WHERE state <> 'REFERRED'""",
    """INSERT INTO movement SELECT tenant, account_id, 'item invoice/' || order_id, 10000, -10000, now()
         FROM hold WHERE state = 'CAPTURED'""",
    f"""INSERT INTO account
        SELECT t, b, '\\x0a0441636d65220422024445', 'EUR', 1000000000000, coalesce(used, 0), coalesce(held, 0), false, now() FROM {_HOUSES}
          LEFT JOIN (SELECT tenant AS t, account_id AS b, sum(used_minor) AS used, sum(held_minor) AS held
                       FROM movement GROUP BY 1, 2) AS m USING (t, b)""",
    """INSERT INTO limit_grant (tenant, account_id, amount_minor, valid_from, known_from)
       SELECT tenant, account_id, limit_minor, registered_at, registered_at FROM account""",
    # Groups that all but a few thousand accounts are part of, and uplifts, most of which are over.
    """INSERT INTO node (tenant, node_id, kind, parent_id, path, currency, limit_minor)
       SELECT t, 'g' || n, 'GROUP', '', ARRAY['g' || n], 'EUR', 1000000000000000
         FROM unnest(ARRAY['acme', 'other']) AS t, generate_series(0, 1999) AS n""",
    """UPDATE account SET path = ARRAY['g' || right(account_id, -1)::int % 2000] WHERE right(account_id, -1)::int % 8 > 0""",
    """UPDATE node SET used_minor = sums.used, held_minor = sums.held
         FROM (SELECT tenant, path[1] AS node_id, sum(used_minor) AS used, sum(held_minor) AS held FROM account
                WHERE path <> '{}' GROUP BY 1, 2) AS sums
        WHERE node.tenant = sums.tenant AND node.node_id = sums.node_id""",
    f"""INSERT INTO limit_uplift (tenant, uplift_id, account_id, amount_minor, currency, valid_until, reason_code, asked_by,
                                  ended_at)
        SELECT t, 'u' || n, b, 100, 'EUR', '2027-01-01', 'season', 'user:ada', CASE WHEN n % 1000 <> 5 AND n % 20000 <> 10 THEN now() END
          FROM {_OF} WHERE n % 5 = 0""",
    f"""INSERT INTO security (tenant, security_id, account_id, kind, amount_minor, currency, coverage, valid_from, reference,
                              ended)
        SELECT t, 's' || n, b, 'LC', 100, 'EUR', 0.9, '2026-01-01', '', n % 1000 <> 5 AND n % 20000 <> 10
          FROM {_OF} WHERE n % 5 = 0""",
    # Invoices, one in twenty of which is open; how accounts were used by the day; when each is looked at; reviews, most ended.
    f"""INSERT INTO item SELECT t, 'i' || n, b, day, 10000, CASE WHEN n % 20 = 0 THEN 10000 ELSE 0 END, 'EUR',
               CASE WHEN n % 20 > 0 THEN day + (n % 40)::int - 5 END, n
          FROM (SELECT *, current_date - 400 + (n * 400.0 / %(rows)s)::int AS day FROM {_OF}) AS s""",
    f"INSERT INTO open_day SELECT DISTINCT t, b, current_date - (n % 180)::int, 10000 FROM {_OF}",
    f"INSERT INTO conduct SELECT t, b, '2036-01-01' FROM {_HOUSES}",
    f"""INSERT INTO arrear SELECT t, b, 'i' || n, current_date - 90, 10000, 'EUR', current_date - 59, current_date
          FROM {_OF} WHERE n % 7 = 0""",
    f"""INSERT INTO review (tenant, review_id, account_id, kind, state, causes, currency, current_minor, limit_minor,
                            proposed_at, valid_until, policy_id, result_hash, reasons, figures, ended_at)
        SELECT t, 'r' || n, b, CASE WHEN n % 10 = 0 OR n = 1 THEN 'RAISE' ELSE 'CUT' END,
               CASE WHEN n % 10 = 1 AND n < 400 THEN 'OPEN' ELSE 'LAPSED' END, '{{late_payment}}', 'EUR', 1000000000000, 10000,
               now() - interval '1 second' * n, '2037-01-01', 'p', 'h', '[]', '[]', CASE WHEN n % 10 <> 1 OR n >= 400 THEN now() END
          FROM {_OF} WHERE n % 5 <= 1""",
    # Rates of decades, of many pairs; by the newest of which some accounts are not valued yet.
    f"""INSERT INTO rate SELECT t, 'EUR', CASE WHEN n % 100 IN (0, 99) THEN 'SEK' ELSE 'C' || n % 100 END, date '2026-01-01' - n / 100, 1.5, 1 + n / 1000 FROM {_OF}""",
    """UPDATE account SET abroad = '{"SEK": [100, 9]}', valued_version = 1 + right(account_id, 2)::int
        WHERE right(account_id, -1)::int % 10 = 3 AND length(account_id) > 3""",
    """INSERT INTO node_grant (tenant, node_id, amount_minor, valid_from, known_from)
       SELECT tenant, node_id, limit_minor, registered_at, registered_at FROM node""",
    "INSERT INTO account_called SELECT tenant, account_id, word FROM account, account_words(account_id, company) AS word",
    f"INSERT INTO order_of SELECT t, 'o' || n, b FROM {_OF}",
    f"INSERT INTO shipment SELECT t, 'o' || n, b, 's' FROM {_OF} WHERE n % 50 <> 2",
    # Holds on accounts, of single purchase orders: most were lifted.
    f"""INSERT INTO account_hold
        SELECT t, 'h' || lpad(n::text, 9, '0'), b, '', '', 'po' || n, 'overdue', '', 'user:ada',
               CASE WHEN n % 3 = 0 THEN now() + interval '9 years' END, now(), 'user:clerk-' || n % 200,
               CASE WHEN n % 1000 <> 7 AND n % 10000 <> 0 THEN now() END FROM {_OF} WHERE n % 5 IN (0, 2)""",
    f"INSERT INTO policy SELECT t, n, 0.1, 7, now(), 'user:ada' FROM {_OF} WHERE n <= 100",
    # Applications, most of which have ended; what is known of the companies; what many of them show of themselves.
    f"""INSERT INTO application
        SELECT t, 'ap-' || n, b, 'DE', 'EUR', CASE WHEN n % 1000 = 7 THEN 'REFERRED' ELSE 'ACCEPTED' END, 'STANDARD', 'key:e',
               now() - interval '1 second' * n, now(), '', now(), CASE WHEN n % 1000 = 7 THEN now() END, NULL, '', '', NULL, ''
          FROM {_OF} WHERE n % 5 IN (0, 2)""",
    """INSERT INTO application_decision
       SELECT tenant, 'ad-' || application_id, application_id, account_id, 1, 'p', 'REFERRED', 'engine', '', '', 'x', started_at
         FROM application""",
    """INSERT INTO application_document
       SELECT tenant, 'doc-' || application_id, account_id, application_id, 'annual_accounts', 'a.pdf', 'application/pdf', 5, 'sha',
              '\\x255044462d', 'contact:c-' || account_id, started_at FROM application""",
    """INSERT INTO application_appeal
       SELECT tenant, application_id, account_id, 1, 'why', 'contact:c-' || account_id, started_at FROM application""",
    f"""INSERT INTO fact
        SELECT t, 'f' || n, b, 'sector', 'x', 'old', false, false, 'service:source-old', '', now(), NULL, now() FROM {_OF}""",
    f"""INSERT INTO question
        SELECT t, 'q' || n, b, 'sector', 'ap-' || n, 'engine', now(), now() FROM {_OF}""",
    """INSERT INTO call_back
       SELECT tenant, 'cb-' || application_id, application_id, account_id, '+49301234567', 'REGISTER', 'Cleo', 'CONFIRMED',
              false, 'user:clerk-' || right(account_id, 2), started_at FROM application""",
    f"""INSERT INTO identity_mark SELECT DISTINCT t, 'email', sha256(convert_to(b || n % 7, 'UTF8')), b, now() FROM {_OF}""",
    """INSERT INTO policy_text SELECT t, 'p-' || n, 'x', 'user:ada', now()
         FROM unnest(ARRAY['acme', 'other']) AS t, generate_series(1, 1000) AS n""",
    # Cases of before, and what policies were tried on them.
    f"""INSERT INTO history_case
        SELECT t, 'hc-' || n, date '2000-01-01' + n % 9000, 'EUR', '{{}}', '[]', 100, false, '2026-01-01', 0, 'user:ada', now()
          FROM {_OF}""",
    """INSERT INTO trial SELECT t, 't-' || n, 'p-' || n % 50, 'p-1', 'HISTORY', '2000-01-01', '2001-01-01', '2002-01-01', 'DONE', 1, 1,
              '', '', '{}', 'user:ada', now() - interval '1 hour' * n, now()
         FROM unnest(ARRAY['acme', 'other']) AS t, generate_series(1, 5000) AS n""",
    f"""INSERT INTO parked (consumer, topic, partition, kafka_offset, event_id, event_type, tenant, subject, key, headers,
                            reason, code, detail)
        SELECT 'credit', 'receivables.ledger.v1', 0, n, 'waits-' || n, 'type', t, 'payment/p' || n,
               convert_to(t || '/elsewhere-' || n, 'UTF8'), '{{}}', 'failed', 'code', '' FROM {_OF} WHERE n % 20 = 0""",
)

# Every second invoice is open, all of b0's, of which one in a hundred is in another currency; the others are paid.
_CURRENCY = "CASE WHEN account_id = 'b0' AND right(reference, 3) = '500' THEN 'SEK' ELSE 'EUR' END"
LEDGER = (
    f"INSERT INTO account SELECT t, b, 'EUR' FROM {_HOUSES}",
    f"""INSERT INTO item
        SELECT t, 'i' || n, 'RE-' || n, 'RE' || n, b, 'o' || n, true, day, day + 30, CASE WHEN n % 1000 = 500 THEN 'SEK' ELSE 'EUR' END, 10000,
               CASE WHEN n % 2 = 0 THEN 10000 ELSE 0 END
          FROM (SELECT *, current_date - 400 + (n * 400.0 / %(rows)s)::int AS day FROM {_OF}) AS s""",
    """INSERT INTO entry SELECT tenant, account_id, gen_random_uuid(), 'invoice_issued', invoice_id, 'issued-' || invoice_id,
                                'system', 'r', now(), issued_on FROM item""",
    f"INSERT INTO posting SELECT tenant, account_id, entry_id, 1, 1100, {_CURRENCY}, 10000 FROM entry",
    f"INSERT INTO posting SELECT tenant, account_id, entry_id, 2, 4000, {_CURRENCY}, -10000 FROM entry",
    """INSERT INTO payment SELECT tenant, 'p-' || invoice_id, account_id, 'EUR', 10000, 10000, date '2026-02-01', number
         FROM item WHERE open_minor = 0""",
    """INSERT INTO allocation SELECT tenant, gen_random_uuid(), invoice_id, 'p-' || invoice_id, NULL, 10000,
                                     'exact_reference', 1, due_on FROM item WHERE open_minor = 0""",
    """WITH paid AS (
         INSERT INTO entry SELECT tenant, account_id, gen_random_uuid(), 'payment_received', payment_id, 'call/' || payment_id,
                                  'system', 'r', now(), value_on FROM payment RETURNING tenant, account_id, entry_id)
       INSERT INTO posting SELECT tenant, account_id, entry_id, line, CASE line WHEN 1 THEN 1000 ELSE 1100 END, 'EUR',
                                  CASE line WHEN 1 THEN 10000 ELSE -10000 END FROM paid, generate_series(1, 2) AS line""",
    """INSERT INTO credit_note SELECT tenant, 'c-' || invoice_id, 'RE-C-' || number, invoice_id, account_id, issued_on, 'EUR',
                                      100, 0, 100 FROM item WHERE right(number, 1) = '1'""",
    """INSERT INTO dispute SELECT tenant, 'd-' || invoice_id, invoice_id, account_id, 'EUR', 100
         FROM item WHERE right(number, 1) = '2'""",
    # Of b0 a hundred are expected, and of others one at most.
    """INSERT INTO announcement
       SELECT tenant, 'P-2025-' || lpad(substr(invoice_id, 2), 7, '0'), account_id, currency, 100, ARRAY[invoice_id], ARRAY[100],
              NULL, CASE WHEN right(number, 4) IN ('0000', '0002') THEN 'EXPECTED' ELSE 'RECEIVED' END, 'user:a', now()
         FROM item WHERE right(number, 1) IN ('0', '2')""",
    """INSERT INTO balance
       SELECT tenant, account_id, currency, chart_account, minor, CASE chart_account WHEN 1100 THEN minor ELSE 0 END
         FROM (SELECT tenant, account_id, currency, chart_account, sum(minor) AS minor FROM posting GROUP BY 1, 2, 3, 4) AS b""",
)

DISPUTES = (
    *_standing("CREDIT"),
    f"""INSERT INTO invoice
        SELECT t, 'i' || n, 'RE-' || n, b, 'o' || n, current_date, 'EUR', 10000, 1900, 11900, 0, CASE WHEN n % 10 < 5 THEN 100
               ELSE 0 END, 11900, 0, '', '', '' FROM {_OF}""",
    "INSERT INTO invoice_line SELECT tenant, invoice_id, '1', 10, 10, 10000, 'S', 19 FROM invoice",
    f"""INSERT INTO ordered SELECT t, 'o' || n, b, 1, 1, '{{"1": ["10", "10", "STANDARD", ""]}}' FROM {_OF}""",
    """INSERT INTO order_shipment SELECT tenant, order_id, 'p1', account_id, true, '{"1": "10"}' FROM ordered""",
    """INSERT INTO order_receipt SELECT tenant, order_id, 'r1', account_id, 'p1', '2026-03-01', '{"1": "10"}' FROM ordered""",
    """INSERT INTO invoice_terms
       SELECT tenant, invoice_id, account_id, order_id, 'p1', current_date, current_date, 'DE', 'DE', order_id, '{"1": "1"}',
              '{"1": "10"}' FROM invoice""",
    """INSERT INTO invoice_payment SELECT tenant, invoice_id, account_id, 'e', 100, '2026-03-01' FROM invoice""",
    """INSERT INTO account_cash SELECT DISTINCT tenant, account_id, 1, '{"EUR": 0}'::jsonb FROM invoice""",
    """INSERT INTO agreed_days SELECT DISTINCT tenant, account_id, 1, 30, timestamptz '2026-01-01' FROM invoice""",
    f"""INSERT INTO dispute
        SELECT t, 'd' || lpad(n::text, 9, '0'), 'i' || n, b, 'QTY_SHORT', 'Some are missing', 100,
               CASE WHEN n % 1000 = 7 THEN 'PROPOSED' WHEN n % 10 < 5 THEN 'ACKNOWLEDGED' ELSE 'CLOSED' END, 2, {_WHO}, now(),
               current_date + 7, NULL, NULL, NULL, NULL, '', 'D-2026-' || n FROM {_OF}""",
    """UPDATE dispute SET answer_at = answer_by + time '17:00', at_risk_at = answer_by + time '09:00', acted_at = opened_at,
                          owner = CASE WHEN right(dispute_id, 1) = '3' THEN 'user:ada' ELSE '' END,
                          look_at = CASE WHEN state = 'ACKNOWLEDGED' THEN answer_by + time '09:00' END""",
    """INSERT INTO dispute_change
       SELECT tenant, dispute_id, 1, 'ASSIGNED', '', 'user:ada', '', 'user:ada', now() FROM dispute WHERE owner <> ''""",
    """INSERT INTO dispute_line SELECT tenant, dispute_id, '1', invoice_id, 1, 0 FROM dispute""",
    """INSERT INTO dispute_move SELECT tenant, dispute_id, nth, 'SUBMIT', 'DRAFT', 'SUBMITTED', 100, '', opened_by, 'r', now()
         FROM dispute, generate_series(1, 2) AS nth""",
    """INSERT INTO evidence SELECT tenant, dispute_id, 'e', 'a.pdf', 'application/pdf', 5, 'sha', '\\x255044462d', opened_by, now()
         FROM dispute""",
    """INSERT INTO credit_note SELECT tenant, 'c-' || invoice_id, invoice_id, NULL, 'C-' || number, 100
         FROM invoice WHERE right(number, 1) = '9'""",
    "INSERT INTO credited_rate SELECT tenant, invoice_id, 'S', 19, 84, 16 FROM credit_note",
)

NOTIFICATIONS = (
    f"""INSERT INTO contact SELECT t, 'c-' || b, b, 'Cleo', 'cleo@' || b || '.example', '{{AP_CLERK}}', '', '', '', 'en', false,
                                   NULL FROM {_HOUSES}""",
    "INSERT INTO contact SELECT t, 'sam', '', 'Sam', 'sam@' || t || '.example', '{CREDIT,SALES,BILLING}', '', '', '', 'en', false"
    " FROM unnest(ARRAY['acme', 'other']) AS t",
    f"INSERT INTO company SELECT t, b, 'Company ' || b FROM {_HOUSES}",
    "INSERT INTO seller SELECT t, 's', 'Seller' FROM unnest(ARRAY['acme', 'other']) AS t",
    f"INSERT INTO order_scope SELECT t, 'o' || n, 'north', '', '' FROM {_OF}",
    f"INSERT INTO dispute_reason SELECT t, 'd' || n, 'QTY_SHORT', 'D-2026-' || n FROM {_OF}",
    f"INSERT INTO case_file (tenant, about, version) SELECT t, 'invoice/i' || n, 1 FROM {_OF}",
    f"INSERT INTO story SELECT t, 'fact-' || n, 'invoice/i' || n, 1, b, '{{}}', now() FROM {_OF}",
    f"""INSERT INTO mail (tenant, contact_id, key, due_at, state) SELECT t, 'c-' || b, 'fact-' || n, now(),
           CASE WHEN n % 100 = 3 THEN 'HARD_BOUNCED' ELSE 'ACCEPTED' END FROM {_OF}""",
    "UPDATE mail SET carrier = 'sam' WHERE right(key, 1) = '4'",
    # Those whose mail came back.
    """UPDATE contact SET suspended_at = now() - length(contact_id) * interval '1 day' - hashtext(contact_id) % 80000 * interval '1 second'
        WHERE right(contact_id, 2) = '03'""",
    "UPDATE contact SET decline_token = 'decline-' || contact_id",
    f"""INSERT INTO message
        SELECT t, 'm' || lpad(n::text, 9, '0'), 'c-' || b, 'fact-' || n, b, 'receivables.invoicing.v1.InvoiceIssued',
               'invoice/i' || n, 1, 'AP_CLERK', 'INFORM', 'en', 'Seller', 'subject', 'what happened to the invoice', 'what it affects', 'what we do', '', '', 'owner', current_date,
               current_date, 'mailto:x', 'why you', '', current_date, now(), now() + interval '1 day',
               CASE WHEN n % 200 = 5 THEN NULL ELSE 'fact-' || n END FROM {_OF}""",
    f"INSERT INTO vacancy SELECT t, b, 'AP_MANAGER', now() FROM {_HOUSES}",
    f"""INSERT INTO journey (tenant, about, account_id, site, cost_centre, purchase_order, name, seller_id, version, ended, legs,
                             began_at, warn_at)
        SELECT t, 'invoice/i' || n, b, '', '', '', 'OLD-' || n, '', 0, '', '{{}}', now() - n * interval '1 minute',
               CASE WHEN n % 10000 = 7 THEN now() END FROM {_OF}""",
    # Some of what the seller promised is late.
    """UPDATE journey SET late_at = began_at, legs = '{"INVOICED": {"promised": "2020-01-01", "since": "2020-01-01"}}'
        WHERE right(about, 2) = '07'""",
    f"""INSERT INTO step_duration
        SELECT t, kind, step, 'account/' || b, b, '[]', 0, NULL, NULL, NULL, current_date
          FROM {_HOUSES}, (VALUES ('order', 'SHIPPED'), ('invoice', 'PAID'), ('dispute', 'ANSWERED')) AS steps (kind, step)""",
    f"""INSERT INTO first_step (tenant, account_id, code, state, waits_since, reason, answer)
        SELECT t, b, code, 'WAITING', now(), 'NO_ANSWER', ''
          FROM {_HOUSES}, unnest(ARRAY['SIGN_IN', 'COLLEAGUES', 'SAMPLE', 'WAY_TO_PAY', 'FIRST_ORDER']) AS code""",
    "INSERT INTO journey (tenant, about, account_id, site, cost_centre, purchase_order, name, seller_id, version, ended, legs,"
    " began_at) SELECT 'acme', 'application/a7', 'b7', '', '', '', '', '', 0, '', '{}', now()",
    # Three weeks apart at each account, every other one answered, with no.
    f"""INSERT INTO question (tenant, question_id, account_id, contact_id, role, topic, about, mends, token, asked_at, value,
                              answered_at)
        SELECT t, 'q' || b || '-' || g, b, 'c-' || b, 'AP_CLERK', 'BOOKED', 'invoice/i7', '', 'asked-' || t || '-' || b || '-' || g,
               now() - g * interval '21 days', CASE WHEN g % 2 = 0 THEN 2 END, CASE WHEN g % 2 = 0 THEN now() END
          FROM {_HOUSES}, generate_series(1, 16) AS g""",
    f"""INSERT INTO feedback_action (tenant, question_id, account_id, contact_id, role, topic, about, value, state, owner, due,
                                     urgency, cause, opened_at)
        SELECT t, 'q' || b || '-' || g, b, 'c-' || b, 'AP_CLERK', 'BOOKED', 'invoice/i7', 2, state, 'BILLING', current_date, 2,
               CASE WHEN state = 'OPEN' THEN '' ELSE 'DOCUMENT' END, now()
          FROM (SELECT t, b, g, CASE WHEN g = 4 AND right(b, 1) = '0' THEN 'OPEN' ELSE 'CONFIRMED' END AS state
                  FROM {_HOUSES}, generate_series(2, 16, 2) AS g) AS asked""",
    f"INSERT INTO case_opener SELECT t, 'd' || n, b, 'c-' || b, n % 100 = 1 FROM {_OF}",
    f"INSERT INTO expectation SELECT t, 'c-' || b, b, 'That invoices are right', now() FROM {_HOUSES}",
    f"""INSERT INTO thread (tenant, about, account_id, last_nth, last_note, last_at)
        SELECT t, 'invoice/i' || n, b, 1, 1, now() - n * interval '1 minute' FROM {_OF}""",
    f"""INSERT INTO thread_message (tenant, about, nth, account_id, author, text, channel, mentions, at)
        SELECT t, 'invoice/i' || n, 1, b, {_WHO}, 'What is this?', 'PORTAL', '{{}}', now() FROM {_OF}""",
    f"""INSERT INTO note (tenant, about, nth, account_id, author, text, at)
        SELECT t, 'invoice/i' || n, 1, b, 'user:clerk-' || n % 200, 'Look at it', now() FROM {_OF}""",
    f"""INSERT INTO reader (tenant, reader, about, account_id, nth)
        SELECT t, 'contact:c-' || b, 'invoice/i' || n, b, 1 FROM {_OF}""",
)

_COMPANY = """'{"name": "Buyer", "vat_id": "DE115235681", "legal_id": "HRB 1", "street": "Weg 1", "city": "Ort", "post_code": "10115",
               "country": "DE", "electronic_address": "ap@buyer.example", "electronic_address_scheme": "EM"}'::jsonb"""

_VAT = """'[{"category": "S", "rate": "19", "taxable_minor": 12500, "tax_minor": 2375, "exemption_code": "",
            "exemption_text": ""}]'::jsonb"""

# Its seller comes by its own door. A hundred drafts of two accounts wait, which can never be drawn; the many are `other`'s.
_HELD = "(1, 21)"
_NTH = "substr(order_id, 2)::int"
INVOICING = (
    f"""INSERT INTO buyer SELECT t, b, {_COMPANY}, 'EUR' FROM {_HOUSES} WHERE (t, b) NOT IN (SELECT tenant, account_id
           FROM buyer)""",
    f"INSERT INTO contract (tenant, account_id, net_days, invoice_on, buyer_reference) SELECT t, b, 30, 'SHIPMENT', '' FROM {_HOUSES}",
    f"""INSERT INTO sales_order SELECT t, 'o' || n, 1, b, 'CLOSED', false, current_date, current_date, 'EUR', 12500, 0, 12500,
                                       '', '', '' FROM {_OF}""",
    f"""INSERT INTO order_line
        SELECT tenant, order_id, '1', 0, 'sku', 'Ware', 10, 'C62', 12.5, 12500,
               CASE WHEN substr(order_id, 2)::int % {ACCOUNTS} IN {_HELD} THEN 'MAGIC' ELSE 'STANDARD' END, 10
          FROM sales_order""",
    "INSERT INTO shipment SELECT tenant, order_id, 'p1', current_date, true, '[[\"1\", \"10\"]]' FROM sales_order",
    f"""INSERT INTO issued (tenant, document_id, kind, number, seller_id, fiscal_year, series_code, series_number, account_id,
                            order_id, shipment_id, final, issue_date, due_date, delivery_date, currency, net_minor, tax_minor,
                            gross_minor, vat, site, cost_centre, purchase_order, seller, buyer)
        SELECT t, 'i' || n, '380', 'OLD-' || n, 's1', 2025, 'OLD', row_number() OVER (PARTITION BY t ORDER BY n), b, 'o' || n,
               'p1', true, date '2025-12-31', date '2026-01-30', date '2025-12-31', 'EUR', 12500, 2375, 14875, {_VAT}, '', '', '',
               {_COMPANY}, {_COMPANY} FROM {_OF}""",
    """INSERT INTO series SELECT tenant, 's1', '380', 2025, 'OLD', count(*), date '2025-12-31' FROM issued
        WHERE series_code = 'OLD' GROUP BY tenant""",
    """INSERT INTO issued_line SELECT tenant, document_id, 0, '1', '1', '', 'sku', 'Ware', 10, 'C62', 12.5, 12500, 'S', 19
         FROM issued WHERE series_code = 'OLD'""",
    """INSERT INTO document (tenant, document_id, format, content, sha256, rule_set)
       SELECT tenant, document_id, 'ubl', '\\x00', 'sha', '' FROM issued WHERE series_code = 'OLD'""",
    "INSERT INTO paper SELECT tenant, document_id, '\\x00' FROM issued WHERE series_code = 'OLD'",
    "INSERT INTO invoice_balance SELECT tenant, document_id, 14875, 0 FROM issued WHERE series_code = 'OLD'",
    # One line in twenty is for an asset; one in two hundred for that of the hot account, which has thousands of them.
    f"""UPDATE order_line SET asset_on = current_date,
               asset_id = CASE WHEN {_NTH} % 200 = 0 THEN 'a0' ELSE 'a' || {_NTH} % {ACCOUNTS} END WHERE {_NTH} % 20 = 0""",
    """UPDATE issued_line i SET asset_on = date '2025-12-31', asset_id = o.asset_id
         FROM order_line o WHERE o.tenant = i.tenant AND 'i' || substr(o.order_id, 2) = i.document_id AND o.asset_id <> ''""",
    f"""INSERT INTO asset
        SELECT t, 'a' || n, b, 'SN-' || n, 'Ware', current_date, NULL, '', '', '', now(), '[]' FROM {_OF}""",
    f"""INSERT INTO held (tenant, draft_id, kind, account_id, order_id, shipment_id, dispute_id, findings, held_at)
        SELECT tenant, 'h' || lpad(n::text, 9, '0'), '380', b, 'o' || n, 'p1', '', '[["BR-63", "x", "/"]]', now()
          FROM {_OF}, LATERAL (SELECT 'acme' AS tenant WHERE n % {ACCOUNTS} IN {_HELD}
                               UNION SELECT 'other' WHERE n % 20 = 1) AS waits""",
)

STOCK = {
    "credit": CREDIT,
    "ledger": LEDGER,
    "disputes": DISPUTES,
    "notifications": NOTIFICATIONS,
    "invoicing": INVOICING,
}


def fill(admin_url: str, service: str, rows: int = ROWS) -> None:
    """Fill a service's empty database, whose address an administrator has, and let PostgreSQL look at what is there."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no triggers, no foreign keys
        connection.execute("SET synchronous_commit = off")
        for statement in (*CHASSIS, *STOCK[service]):
            text = statement.replace("%(rows)s", str(rows)).replace("%(service)s", service)
            connection.execute(sql.SQL(text))
        connection.execute("VACUUM ANALYZE")
