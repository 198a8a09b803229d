"""Holds where all accounts are part of one group and where none is, beside what the database can do; and whole policies.

A group's row is locked by every order of its accounts: what `Decide` makes of that by sharing transactions stands beside
pgbench on one row and the same calls across all accounts, in the same run.
"""

import time
from collections.abc import Mapping

from services.credit.domain import underwriting
from tests.benchmark import business, report
from tests.benchmark.decide import CALLERS, Calls, call, ceilings_of, credit_alone, echo_beside
from tests.benchmark.effort import Effort
from tests.benchmark.lone import Lone
from tests.benchmark.report import Section
from tests.benchmark.stand import ground
from tests.unit.credit import underwritten

ACCOUNTS = 100_000
ROOT = "root"
# As callers name them: three digits at least.
_REGISTER = """INSERT INTO account (tenant, account_id, company, currency, limit_minor, registered_at)
               SELECT %(tenant)s, 'B' || lpad(n::text, greatest(3, length(n::text)), '0'), '', %(currency)s, %(limit)s, now()
                 FROM generate_series(%(first)s, %(last)s - 1) AS n"""
_MAKE_ROOT = """INSERT INTO node (tenant, node_id, kind, parent_id, path, currency, limit_minor)
                VALUES (%(tenant)s, %(root)s, 'GROUP', '', ARRAY[%(root)s], %(currency)s, %(limit)s * 1000)"""
# With all that they hold.
_JOIN = """WITH joined AS (UPDATE account SET path = ARRAY[%(root)s] WHERE tenant = %(tenant)s RETURNING held_minor)
           UPDATE node SET held_minor = (SELECT sum(held_minor) FROM joined) WHERE node_id = %(root)s"""


def exposure(effort: Effort) -> Section:
    """Both, turn by turn, and policies in this process."""
    with ground(effort.say) as servers, credit_alone(servers) as up, echo_beside(up):
        accounts = business.BUYERS if effort.quick else ACCOUNTS
        effort.say(f"Holds across {accounts:,} accounts, of no group and of one")
        apart = _holds(up, "a", accounts, effort)
        _all_of_one(up, accounts)
        together = _holds(up, "g", accounts, effort)
        ceilings = ceilings_of(up, effort)
    rows = [
        [f"Decide, {CALLERS} callers, {accounts:,} accounts", report.spread([one.per_s for one in apart])],
        ["the same, all of one group", report.spread([one.per_s for one in together])],
        *([f"ceiling: {what}", report.spread(figures)] for what, figures in ceilings.items()),
    ]
    effort.say("Whole policies")
    policies = [["the house's own policy", report.spread([_policies(effort) for _ in range(effort.runs)])]]
    tables = [report.table(["one hot group", "holds/s"], rows), report.table(["one process", "decisions/s"], policies)]
    text = "\n\n".join([f"{report.conditions(effort)}.", *tables])
    return Section("exposure", "A group in demand, and whole policies", text)


def _holds(up: Lone, run: str, accounts: int, effort: Effort) -> list[Calls]:
    if run == "a":
        up.look.execute(_REGISTER, _said(first=business.BUYERS, last=accounts))
    return [call(up.processes[0].address, f"{run}{nth}", accounts, effort, up.issuers) for nth in range(effort.runs)]


def _all_of_one(up: Lone, accounts: int) -> None:
    up.look.execute(_MAKE_ROOT, _said())
    moved = up.look.execute(_JOIN, _said())
    assert moved.rowcount == 1, accounts
    up.look.execute("VACUUM ANALYZE account")


def _said(**more: int) -> Mapping[str, object]:
    limit = int(business.PLENTY) * 100
    return {"tenant": business.TENANT, "currency": business.CURRENCY, "limit": limit, "root": ROOT} | more


def _policies(effort: Effort) -> float:
    """Decisions of a whole policy a second: facts read, score, limit with its terms, rules, reasons and offers."""
    policy = underwriting.default()
    companies = [
        underwritten.a_company(),
        underwritten.a_company(**underwritten.KNOWN),
        underwritten.a_company(**underwritten.WEAK),
    ]
    seconds, decided, began = effort.seconds / 6, 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for facts in companies:
            underwriting.assess(policy, facts, on=underwritten.TODAY, currency=business.CURRENCY)
        decided += len(companies)
    return decided / (time.perf_counter() - began)
