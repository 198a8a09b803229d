"""Applications that sources know something about: at once, late, and never."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from receivables.credit.v1 import applications_pb2, events_pb2

from deploy.local.sources import Town
from services.chassis.jobs import Job
from services.chassis.workers import drain
from services.credit import usecases
from services.credit.service import SERVICE, sources_of
from services.credit.sources import SOURCE, Gathered, Told
from tests.integration.conftest import OpenService
from tests.integration.credit.applicants import (
    ANSWERS,
    APPLICANT,
    GOOD,
    act,
    give,
    outcome,
    referred,
    shown,
    state,
    submit,
)
from tests.integration.credit.conftest import served
from tests.integration.credit.desk import Desk, bodies
from tests.integration.credit.town import ORIGIN, about

BRITISH = {key: value for key, value in ANSWERS.items() if key != "register_court"} | {
    "typical_order": "1200.00 GBP",
    "requested_amount": "5000.00 GBP",
}


@pytest.fixture
async def told(open_service: OpenService, town: Town) -> AsyncIterator[Desk]:
    """Give credit with all sources of the town, which have a second for the first answer."""
    async with (
        open_service(SERVICE, credit_sources=town.setting, credit_first_answer_ms=1000) as parts,
        served(parts) as desk,
    ):
        await sources_of(parts).look(ORIGIN, about("00000000"))  # connects
        yield desk
        await sources_of(parts).close()


async def apply(desk: Desk, number: str, **answers: str) -> Any:
    """An application of the British company with this number, asked for."""
    start = applications_pb2.StartApplicationRequest(application_id="a1", country="GB", currency="GBP")
    await desk.call("StartApplication", start, by=APPLICANT)
    answered = await give(desk, BRITISH | {"register_number": number} | answers)
    assert not answered.refused
    return await submit(desk)


async def standing(desk: Desk) -> dict[str, str]:
    """What is known by now, by key the newest source."""
    case = await desk.call("GetCase", applications_pb2.GetCaseRequest(application_id="a1"))
    return {fact.key: fact.provenance for fact in case.facts}


async def test_what_sources_know_is_part_of_the_first_answer(told: Desk):
    seen = await apply(told, "00445790")

    known = await standing(told)
    assert known["registered_on"] == known["company_status"] == "registry"
    assert known["bureau_score"] == "bureau"
    assert "not_in_register" not in seen.decision.track_because
    given = {one.provenance for one in await bodies(told.parts, events_pb2.FactGiven)}
    assert {"applicant", "registry", "bureau"} <= given


async def test_a_source_that_is_slow_is_asked_again_and_puts_no_promise_off(told: Desk):
    # The bureau takes longer; a person looks at that much anyway.
    first = await apply(told, "99000001", requested_amount="30000.00 GBP", typical_order="9000.00 GBP")
    assert state(first) == "REFERRED"
    assert "bureau_score" not in await standing(told)

    await drain(told.parts.consumer, SERVICE.works(told.parts))

    assert (await standing(told))["bureau_score"] == "bureau"
    again = await shown(told)
    assert (state(again), again.latest_by) == ("REFERRED", first.latest_by)
    async with told.parts.database.transaction(["acme"]) as tx:
        assert not await tx.rows("SELECT FROM job WHERE kind = 'source'")


async def test_what_is_told_late_has_the_engine_decide_what_nobody_has_taken_up(desk: Desk):
    seen = await referred(desk)
    late = Gathered(found=tuple(Told(key, value, "registry") for key, value in GOOD.items()))
    job = Job(SOURCE, "application/a1/registry", replace(ORIGIN, idempotency_key="late"))

    async with desk.parts.database.transaction(["acme"]) as tx:
        await usecases.sources_told(tx, job, late)
    await drain(desk.parts.consumer, SERVICE.works(desk.parts))

    decided = await shown(desk)
    assert (state(seen), state(decided), outcome(decided)) == ("REFERRED", "DECIDED", "APPROVED")
    assert decided.decision.decided_by == "engine"


async def test_what_a_person_has_decided_no_source_is_asked_about_any_more(told: Desk):
    seen = await apply(told, "99000002")  # the register is away: nobody knows whether there is such a company
    assert (state(seen), outcome(seen)) == ("REFERRED", "REFERRED")
    await act(told, "TakeUpApplication", by="user:ada")
    declined = applications_pb2.APPLICATION_OUTCOME_DECLINED
    await act(told, "DecideApplication", by="user:ada", outcome=declined, reasons=["R06"])

    await drain(told.parts.consumer, SERVICE.works(told.parts))

    async with told.parts.database.transaction(["acme"]) as tx:
        assert not await tx.rows("SELECT FROM job WHERE kind = 'source'")
    assert outcome(await shown(told)) == "DECLINED"
