"""Counts what a form that was carried out cost whoever sent it."""

from services.portal.domain.effort import Form, Spent
from services.portal.store import effort as store
from services.portal.usecases.door import Door


async def note_effort(door: Door, tenant: str, form: Form, case_id: str, spent: Spent) -> None:
    """Note it, of its case."""
    async with door.database.transaction([tenant], within=2.0) as tx:
        await store.add_effort(tx, tenant, form.process, case_id, spent)


async def effort_of(door: Door, tenant: str) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """By process what a case cost on average: in the last thirty days, and in the thirty before them."""
    now: dict[str, dict[str, float]] = {}
    before: dict[str, dict[str, float]] = {}
    async with door.database.transaction([tenant], within=2.0) as tx:
        for row in await store.effort_of(tx, tenant):
            found = {"cases": row.cases, "clicks": row.clicks, "fields": row.fields, "uploads": row.uploads}
            (now if row.is_new else before)[row.process] = found
    return now, before
