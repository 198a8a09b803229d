"""Counts what a form that was carried out cost whoever sent it."""

from collections.abc import Mapping

from services.portal.domain import effort as domain
from services.portal.domain.effort import FORMS
from services.portal.store import effort as store
from services.portal.usecases.door import Door


async def note_effort(door: Door, tenant: str, route: str, case_id: str, said: Mapping[str, str], files: int) -> None:
    """Note it, where the route's form is one that counts and its case is known."""
    form = FORMS.get(route)
    if form is None or not case_id:
        return
    async with door.database.transaction([tenant], within=2.0) as tx:
        await store.add_effort(tx, tenant, form.process, case_id, domain.spent(form, said, files))


async def effort_of(door: Door, tenant: str) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """By process what a case cost on average: in the last thirty days, and in the thirty before them."""
    now: dict[str, dict[str, float]] = {}
    before: dict[str, dict[str, float]] = {}
    async with door.database.transaction([tenant], within=2.0) as tx:
        for row in await store.effort_of(tx, tenant):
            found = {"cases": row.cases, "clicks": row.clicks, "fields": row.fields, "uploads": row.uploads}
            (now if row.is_new else before)[row.process] = found
    return now, before
