"""Companies that ask for credit in stories, as their finance lead does."""

from collections.abc import Mapping
from typing import Any

from receivables.credit.v1 import applications_pb2

from deploy.local.trust import person
from tests.end_to_end.world import Trader

ANSWERS: Mapping[str, str] = {
    "register_number": "01234567",
    "contact_email": "accounts@buyer.example",
    "typical_order": "20000.00 GBP",
    "orders_a_month": "4",
    "requested_amount": "60000.00 GBP",
    "requested_terms": "30",
    "agreement": "true",
    "iban": "GB33BUKB20201555555555",
}


def apply(trader: Trader, application: str = "a1", account: str = "b1", **answers: str) -> Any:
    """Ask for more than the policy grants by itself; give the application as it is then."""
    services = trader.world.stage.services
    lead = person("contact:lead", trader.tenant, account, roles=["FINANCE_LEAD"])

    def act(method: str, **fields: Any) -> Any:
        request = getattr(applications_pb2, f"{method}Request")(application_id=application, **fields)
        key = f"{application}/{method}"
        return services.write(getattr(services.applications, method), request, caller=lead, key=key)

    act("StartApplication", account_id=account)
    facts = [applications_pb2.Fact(key=key, value=value) for key, value in {**ANSWERS, **answers}.items()]
    refused = act("GiveFacts", facts=facts).refused
    assert not refused, refused
    submitted = act("SubmitApplication").application
    trader.world.settle()
    return submitted


def shown(trader: Trader, application: str = "a1") -> Any:
    """The application as its company sees it."""
    services = trader.world.stage.services
    request = applications_pb2.GetApplicationRequest(application_id=application)
    return services.read(services.applications.GetApplication, request, tenant=trader.tenant).application
