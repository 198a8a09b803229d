"""The audit trail: who did what for whom, and who was refused.

A write's act is written with it, in its transaction; one that is repeated under its key is none. Refusals of right are
gathered in memory and written by a task: alike ones together, and so many a minute at most. Acts hold ids, no names and no
texts. What chains them is services/chassis/chain.py.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from services.chassis import metrics, texts
from services.chassis.access import CALL, Refused
from services.chassis.columns import Columns
from services.chassis.database import NOBODY, Database, Tx, is_tenant, is_transient
from services.chassis.identity import Principal
from services.chassis.logs import log

DONE, REFUSED = "done", "refused"
MORE = "audit.more"  # stands for refusals that are counted together
ACCOUNT_MAX = 64  # characters of an account, as contracts bound it
PAGE = 100  # rows of a list
FLUSH_S = 1.0
MINUTE_S = 60.0
# Rows of refusals that a replica writes in a minute for one tenant, and of those for one caller.
OF_TENANT, OF_CALLER = 300, 30
TIMES_MAX = 2**31 - 1
LAST_S = 2.0  # that a process which ends waits for its last refusals to be written


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, or was refused."""

    tenant: str
    actor: str
    on_behalf_of: str = ""
    issuer: str = ""
    workload: str = ""
    # "receivables.credit.v1.CreditService/SetLimit", or a command.
    method: str = ""
    # That the request names, if it does.
    account_id: str = ""
    # Of a command: what it names.
    idempotency_key: str = ""
    digest: bytes = b""
    outcome: str = DONE
    code: str = ""


_ROWS = Columns(
    "tenant text, actor text, on_behalf_of text, issuer text, workload text, method text, account_id text,"
    " idempotency_key text, digest bytea, outcome text, code text, times int"
)
_ADD = f"INSERT INTO act ({_ROWS.names}) SELECT * FROM {_ROWS.rows} AS new"  # noqa: S608 - constant columns


async def add(tx: Tx, counted: Iterable[tuple[Act, int]]) -> None:
    """Write acts, each so many times, in a transaction that serves their tenants; these are met for the sweepers."""
    rows = list(counted)
    if not rows:
        return
    tenants = sorted({act.tenant for act, _ in rows} - {NOBODY})
    await tx.run("INSERT INTO tenant SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [tenants])
    packed = [
        (
            act.tenant,
            act.actor,
            act.on_behalf_of,
            act.issuer,
            act.workload,
            act.method,
            act.account_id,
            act.idempotency_key,
            act.digest,
            act.outcome,
            act.code,
            min(times, TIMES_MAX),
        )
        for act, times in rows
    ]
    await tx.run(_ADD, [_ROWS.pack(packed)])
    for act, _ in rows:
        metrics.ACTS.labels(act.outcome).inc()


async def commanded(database: Database, command: str, *, by: str, tenant: str = "", about: str = "") -> None:
    """Write that an operator gives a command, before it is carried out."""
    who = tenant if is_tenant(tenant) else NOBODY
    async with database.transaction([who]) as tx:
        await add(tx, [(Act(who, by, method=command, idempotency_key=about), 1)])


async def listed(database: Database, tenant: str, after: int) -> list[Any]:
    """A page of a tenant's acts, oldest first."""
    async with database.transaction([tenant]) as tx:
        return await tx.rows(
            f"""SELECT number, at, actor, on_behalf_of, issuer, workload, method, account_id, idempotency_key, outcome, code,
                       times
                  FROM act WHERE tenant = %s AND number > %s ORDER BY number LIMIT {PAGE}""",  # noqa: S608 - our own number
            [tenant, after],
        )


def of_operator(method: str) -> Act:
    """What the operator does who calls just now, for no tenant."""
    call = CALL.get()
    actor, on_behalf_of, issuer = said_by(call.principal if call is not None else None, "")
    return Act(NOBODY, actor, on_behalf_of, issuer, call.workload if call is not None else "", method)


def said_by(principal: Principal | None, actor: str) -> tuple[str, str, str]:
    """Who, for whom, and who vouched for it; as the caller said where nobody did."""
    if principal is None:
        return actor, "", ""
    return principal.subject, principal.on_behalf_of, principal.issuer


class Refusals:
    """Refusals of right that are not written yet.

    Whoever floods a service with calls that it refuses must fill neither its memory nor its database, nor hide what
    others are refused: beyond so many a minute those of a caller are counted in one row, and beyond so many of a tenant
    those of all its other callers. A process that is killed takes the last second's with it.
    """

    def __init__(self, database: Database) -> None:
        """Nothing was refused yet."""
        self._database = database
        self._waiting: Counter[Act] = Counter()
        # Of this minute: rows spent, by tenant and by caller, and what is counted beyond them.
        self._spent: Counter[tuple[str, str]] = Counter()
        self._more: Counter[Act] = Counter()
        self._until = time.monotonic() + MINUTE_S

    def note(self, refused: Refused) -> None:
        """Remember one; told by the gate."""
        principal = refused.principal
        actor, on_behalf_of, issuer = said_by(principal, "")
        act = Act(
            tenant=(principal.tenant if principal is not None else "") or NOBODY,
            actor=actor,
            on_behalf_of=on_behalf_of,
            issuer=issuer,
            workload=refused.workload,
            method=refused.method,
            account_id=refused.account if texts.fits(refused.account, texts.ID, ACCOUNT_MAX) else "",
            outcome=REFUSED,
            code=refused.code,
        )
        if act in self._waiting or self._spend(act):
            self._waiting[act] += 1
            return
        metrics.ACTS_MORE.inc()
        more = Act(act.tenant, act.actor, issuer=act.issuer, outcome=REFUSED, code=MORE)
        if more not in self._more and len(self._more) >= OF_TENANT:
            more = replace(more, actor="", issuer="")
        self._more[more] += 1

    def _spend(self, act: Act) -> bool:
        """Whether a row more may be written of this caller in this minute."""
        tenant, caller = (act.tenant, ""), (act.tenant, act.actor or act.workload or "?")
        if self._spent[tenant] >= OF_TENANT or self._spent[caller] >= OF_CALLER:
            return False
        self._spent[tenant] += 1
        self._spent[caller] += 1
        return True

    async def flush(self) -> None:
        """Write what waits, at a minute's end also what is beyond its rows; while the database is away it waits on."""
        over = time.monotonic() >= self._until
        rows = self._waiting + (self._more if over else Counter())
        if rows:
            async with self._database.transaction({act.tenant for act in rows}) as tx:
                await add(tx, rows.items())
        self._waiting -= rows
        if over:
            self._more -= rows
            self._spent.clear()
            self._until = time.monotonic() + MINUTE_S

    async def keep(self) -> None:
        """Write them, for ever, and the last ones at the end."""
        try:
            while True:
                await asyncio.sleep(FLUSH_S)
                try:
                    await self.flush()
                except Exception as error:
                    if not is_transient(error):
                        raise
                    log.warning("refusals wait to be written", waiting=len(self._waiting), error=type(error).__name__)
        finally:
            try:
                async with asyncio.timeout(LAST_S):
                    await self.flush()
            except Exception as error:  # noqa: BLE001 - the process ends as it was told to, or for a reason of its own
                log.warning("the last refusals are not written", error=type(error).__name__)
