"""Applications that are built anew from what was told: where they stand and what was decided; what was known is asked again."""

from typing import Any

from receivables.credit.v1 import applications_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.chassis.service import Parts
from services.credit.domain import underwriting
from services.credit.rebuild import FOLD
from services.credit.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.credit.applicants import act, outcome, ready, referred, shown, state, submit
from tests.integration.credit.conftest import served
from tests.integration.credit.desk import Desk, eur


async def told(parts: Parts[Any]) -> list[Record]:
    """What was announced so far, as it travels."""
    async with parts.database.transaction(()) as tx:
        rows = await tx.rows("SELECT * FROM outbox ORDER BY id")
    return [Record(row.topic, 0, row.id, row.key.encode(), bytes(row.payload), row.headers) for row in rows]


async def test_an_application_stands_where_it_was_told_and_asks_again_for_what_is_on_no_topic(
    desk: Desk, open_service: OpenService
):
    await ready(desk, "decided")
    await submit(desk, "decided")
    await referred(desk, "proposed", register_number="HRB 2", contact_email="ap@second.example")
    await act(desk, "TakeUpApplication", "proposed", by="user:ada")
    large = {"outcome": applications_pb2.APPLICATION_OUTCOME_APPROVED, "limit": eur(90_000_00)}
    await act(desk, "DecideApplication", "proposed", by="user:ada", **large)
    call = {"number": "+49 30 901820", "source_of_number": applications_pb2.NUMBER_SOURCE_REGISTER, "spoke_with": "Jo"}
    denied = applications_pb2.CALL_BACK_OUTCOME_DENIED
    own = {"register_number": "HRB 3", "contact_email": "ap@third.example", "iban": "DE02120300000000202051"}
    await referred(desk, "called", **own)
    await act(desk, "RecordCallBack", "called", by="user:ada", outcome=denied, **call)
    match = applications_pb2.Match(key="company_name", list="UN", entry_id="XX.1", name="d" * 64)
    look = applications_pb2.Look(matches=[match]).SerializeToString()
    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE application_look SET look = %s WHERE application_id = 'called'", [look])
    clear = applications_pb2.ClearMatchRequest(application_id="called", list="UN", entry_id="XX.1", key="company_name")
    await desk.call("ClearMatch", clear, by="user:ada")
    policy = applications_pb2.ProposePolicyTextRequest(text=underwriting.default().text)
    await desk.call("ProposePolicyText", policy)
    activate = applications_pb2.ActivatePolicyTextRequest(policy_id=underwriting.default().policy_id)
    await desk.call("ActivatePolicyText", activate, by="user:bob")
    records = await told(desk.parts)

    async with open_service(SERVICE) as parts, served(parts) as anew:
        types = types_of("receivables.credit.v1", FOLD.own)  # type: ignore[arg-type] # none is handled
        async with parts.database.transaction(["acme"]) as tx:
            for record in records:
                event = decode(record, types)
                await FOLD.own[type(event.body)](tx, event, None)

        again, before = await shown(anew, "decided"), await shown(desk, "decided")
        assert (state(again), outcome(again)) == ("DECIDED", "APPROVED")
        assert again.decision == before.decision
        assert not again.facts
        assert len(again.questions) == 9
        # What one person decided and no other had confirmed is decided again.
        waiting = await shown(anew, "proposed")
        assert (state(waiting), waiting.owner) == ("IN_REVIEW", "user:ada")
        assert waiting.latest_by == (await shown(desk, "proposed")).latest_by
        found = await anew.call("GetPolicyText", applications_pb2.GetPolicyTextRequest())
        assert (found.policy.policy_id, found.policy.activated_by) == (activate.policy_id, "user:bob")
        # Who called, and who said that it is somebody else; number and name are on no topic.
        case = await anew.call("GetCase", applications_pb2.GetCaseRequest(application_id="called"))
        [called] = case.call_backs
        assert (called.recorded_by, called.outcome, called.number, called.spoke_with) == ("user:ada", denied, "", "")
        assert await cleared(anew.parts) == await cleared(desk.parts) != []


async def cleared(parts: Parts[Any]) -> list[tuple[Any, ...]]:
    async with parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows("SELECT * FROM match_cleared ORDER BY list, entry_id")
    return [
        (row.account_id, row.list, row.entry_id, row.name, row.found_by, row.confirmed_by, row.cleared_at is not None)
        for row in rows
    ]
