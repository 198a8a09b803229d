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
