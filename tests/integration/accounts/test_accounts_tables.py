"""Every table says whose its rows are, to the database too: none is forgotten."""

from typing import Any

import pytest

from services.chassis.migrate import EXEMPT
from services.chassis.service import Service
from services.credit.service import SERVICE as CREDIT
from services.disputes.service import SERVICE as DISPUTES
from services.invoicing.service import SERVICE as INVOICING
from services.ledger.service import SERVICE as LEDGER
from services.notifications.service import SERVICE as NOTIFICATIONS
from services.portal.service import SERVICE as PORTAL
from tests.integration.conftest import OpenService

SERVICES = pytest.mark.parametrize(
    "service", [CREDIT, INVOICING, LEDGER, DISPUTES, NOTIFICATIONS, PORTAL], ids=lambda service: service.name
)

_OF_THE_CHASSIS = {
    "answer": "answers to calls by their key: whoever is bound to accounts gets none but their own (rpc.py, _digest)",
    "job": "work that waits: no call reads it, and all that it names is read by its worker for all accounts",
    "failing": "tenants whose events fail: no call of a tenant reads it",
    **dict.fromkeys(
        ("act", "act_link", "act_root"), "the audit trail: the seller's auditors alone read it (access.bound)"
    ),
}
# Tables of no account, each with why it needs none; beside those that row-level security exempts altogether.
OF_NO_ACCOUNT = {
    "credit": {
        **dict.fromkeys(
            (
                "mark_key",
                "policy",
                "policy_activation",
                "policy_text",
                "rate",
                "rates_asked",
                "seller",
                "seller_country",
            ),
            "the seller's own",
        ),
        **dict.fromkeys(
            ("node", "node_grant"),
            "what a group may owe together, whoever orders: its figures are shown to who is bound to no accounts",
        ),
        **dict.fromkeys(("history_case", "trial"), "what the seller tries policies on, and finds by it"),
        "fraud_rule": "how often the seller's rules were right",
    },
    "invoicing": {
        "seller": "the seller's own",
        "seller_version": "the seller's own",
        "series": "the seller's numbers, whoever they are given to",
        "refused_order": "ids of orders that were refused, and why: followers alone read it",
    },
    "ledger": {
        "seller": "the seller's own",
        "seller_country": "the seller's own",
        "announcement_series": "how many were announced in a year: references are counted over all accounts",
    },
    "disputes": {
        "policy": "the seller's own",
        "seller": "the seller's own",
        "seller_country": "the seller's own",
        "case_series": "how many cases there are in a year: numbers are counted over all accounts",
        "unread_response": "what nobody could read, so that nobody knows whose it is: by its channel's name and a code",
        "corrective_action": "the seller's own: what repeats with an item is of many accounts",
        "incident": "the seller's own: its cases are of many accounts, and each is seen by its own",
    },
    "notifications": {
        "policy": "the seller's own",
        "promise_kept": "what became of the seller's promises, by step: figures of all accounts",
        "seller": "the seller's own",
        "seller_country": "the seller's own",
        "order_scope": "which part of a company an order is for, by its id: followers alone read it",
        "dispute_reason": "a case's reason and number, by its id: followers alone read it",
        "case_file": "where replies to a case go, by what it is about: followers alone read it",
        "picture": "what the seller's own people look like, whoever sees them",
    },
    "portal": {
        "host": "the seller's own",
        **dict.fromkeys(("login", "one_time_link", "session"), "who has come in, by a contact's id: no call reads it"),
        **dict.fromkeys(("passkey", "totp"), "how somebody shows who they are, by their login's id: no call reads it"),
        "known_by": "who somebody is to a provider of identities, by a contact's id: no call reads it",
        "notice": "what somebody is to be mailed, by a contact's id: no call reads it",
        "applicant": "who applies for a company that has no account yet, by an address: no call reads it",
        "news": "the seller's own, told to all buyers",
        "effort": "what forms cost, counted by case: the seller's people read sums alone",
        **dict.fromkeys(
            ("news_dismissed", "news_quiet", "deed", "guide"),
            "what somebody did last, was shown, and wants to see no more, by a contact's id: no call reads it",
        ),
        **dict.fromkeys(("rate", "answered"), "counts, and challenges, by a hash: no call reads it"),
    },
}
# What the services that need more than a database are told beside it.
TOLD = {"portal_secret": "x" * 32}
# Tables that name a part of a company and are not narrowed by it, each with why.
OF_ALL_PARTS = {
    "credit": {"account_hold": "a hold on the whole company, or on one of its parts, stops orders whoever places them"},
    "notifications": {
        "contact": "where a person hears from: whoever looks after a company's people sees all of them (and writes, of a part, its own)",
        "order_scope": "followers alone read it",
    },
}

_TABLES = """
  SELECT c.relname,
         EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'account_id') AS has_account,
         EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'site') AS has_site,
         coalesce((SELECT bool_or(strpos(pg_get_expr(p.polqual, p.polrelid), 'all_accounts()') > 0) FROM pg_policy p
                    WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd = '*'), false) AS by_account,
         coalesce((SELECT bool_or(strpos(pg_get_expr(p.polqual, p.polrelid), 'all_parts()') > 0) FROM pg_policy p
                    WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd IN ('*', 'r')), false) AS by_part,
         coalesce((SELECT bool_or(p.polname = 'of_account') FROM pg_policy p WHERE p.polrelid = c.oid), false) AS of_account
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1"""


@SERVICES
async def test_every_table_is_protected_by_account_or_named_as_one_that_needs_it_not(
    service: Service[Any], open_service: OpenService
):
    async with open_service(service, **TOLD) as parts, parts.database.transaction(()) as tx:
        tables = [table for table in await tx.rows(_TABLES) if table.relname not in EXEMPT]

    assert {t.relname for t in tables if not t.by_account} == OF_NO_ACCOUNT[
        service.name
    ].keys() | _OF_THE_CHASSIS.keys()
    assert [t.relname for t in tables if t.has_account and not t.of_account] == ["act"]


@SERVICES
async def test_every_table_that_names_a_part_of_a_company_is_narrowed_by_it_or_named_as_one_that_is_not(
    service: Service[Any], open_service: OpenService
):
    async with open_service(service, **TOLD) as parts, parts.database.transaction(()) as tx:
        tables = await tx.rows(_TABLES)

    assert {t.relname for t in tables if t.has_site and not t.by_part} == OF_ALL_PARTS.get(service.name, {}).keys()
