"""Companies that apply for credit, as the portal and the seller's people ask for them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from receivables.credit.v1 import applications_pb2

from services.credit import store
from services.credit.domain.facts import Fact
from tests.integration.credit.desk import Desk

# A company that has no account yet is nobody's contact: the portal calls for it, and says who gave what.
APPLICANT = "service:portal"
GIVER = "contact:c1"
ANSWERS: dict[str, str] = {
    "register_number": "HRB 1234",
    "register_court": "Aachen",
    "company_name": "Muster GmbH",
    "contact_email": "einkauf@muster.example",
    "typical_order": "1200.00 EUR",
    "orders_a_month": "4",
    "requested_amount": "5000.00 EUR",
    "requested_terms": "30",
    "agreement": "true",
}
# What a register and a bureau say of a company that has been there for long and pays.
GOOD: dict[str, str] = {
    "registered_on": "2010-01-01",
    "company_status": "active",
    "sole_trader": "false",
    "bureau_score": "85",
}


async def start(desk: Desk, application_id: str = "a1", *, account: str = "", by: str = APPLICANT) -> Any:
    request = applications_pb2.StartApplicationRequest(
        application_id=application_id, account_id=account, country="DE", currency="EUR"
    )
    return (await desk.call("StartApplication", request, by=by)).application


async def give(
    desk: Desk, facts: Mapping[str, str], application_id: str = "a1", *, by: str = APPLICANT, **call: Any
) -> Any:
    request = applications_pb2.GiveFactsRequest(
        application_id=application_id,
        facts=[applications_pb2.Fact(key=key, value=value) for key, value in facts.items()],
        given_by=GIVER if by == APPLICANT else "",
    )
    return await desk.call("GiveFacts", request, by=by, **call)


async def act(desk: Desk, method: str, application_id: str = "a1", *, by: str = APPLICANT, **fields: Any) -> Any:
    """Ask for one thing about an application; gives it as it is then."""
    kind = getattr(applications_pb2, f"{method}Request")
    return (await desk.call(method, kind(application_id=application_id, **fields), by=by)).application


async def shown(desk: Desk, application_id: str = "a1") -> Any:
    return await act(desk, "GetApplication", application_id)


async def tell(desk: Desk, account: str, facts: Mapping[str, str], source: str = "registry") -> None:
    """Have a source's word stand of a company."""
    async with desk.parts.database.transaction(["acme"]) as tx:
        told = [Fact(key, value, source, f"service:source-{source}", tx.at) for key, value in facts.items()]
        await store.lock_subject(tx, "acme", account)
        await store.add_facts(tx, "acme", account, told)


async def ready(desk: Desk, application_id: str = "a1", told: Mapping[str, str] = GOOD, **answers: str) -> Any:
    """An application of which all that the fast track asks is answered."""
    account = (await start(desk, application_id)).account_id
    await tell(desk, account, told)
    answered = await give(desk, ANSWERS | answers, application_id)
    assert not answered.refused, answered.refused
    return answered.application


async def submit(desk: Desk, application_id: str = "a1", *, by: str = APPLICANT) -> Any:
    return await act(desk, "SubmitApplication", application_id, by=by)


async def referred(desk: Desk, application_id: str = "a1", **answers: str) -> Any:
    """An application that a person has to look at: nobody knows anything of the company, and its bank account is given."""
    await ready(desk, application_id, {}, **{"iban": "DE89370400440532013000"} | answers)
    return await submit(desk, application_id)


def state(application: Any) -> str:
    return applications_pb2.ApplicationState.Name(application.state).removeprefix("APPLICATION_STATE_")


def outcome(application: Any) -> str:
    said = application.decision.outcome
    return applications_pb2.ApplicationOutcome.Name(said).removeprefix("APPLICATION_OUTCOME_")


def track(application: Any) -> str:
    return applications_pb2.Track.Name(application.track).removeprefix("TRACK_")


def when(stamp: Any) -> datetime:
    at: datetime = stamp.ToDatetime(UTC)
    return at
