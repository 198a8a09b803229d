"""What came of applications for credit, as the public topics tell it, and what groups use of their limits."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from receivables.common.v1 import money_pb2
from receivables.credit.v1 import applications_pb2, exposure_pb2

from deploy.demo.calls import Services, pages
from deploy.demo.feed import Fact
from services.kernel.money import Money
from services.notifications.texts.catalogue import catalogue

PAGE = 1000
ASKED = (applications_pb2.APPLICATION_STATE_SUBMITTED, applications_pb2.APPLICATION_STATE_APPEALED)

Figures = dict[str, Any]


@dataclass(slots=True)
class Case:
    """One application: where it stands, and each answer to it."""

    state: str = ""
    track: str = ""
    answers: list[Figures] = field(default_factory=list)
    # Rules on fraud with what they ask for, and facts that a person asked for.
    signals: dict[str, None] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    # Since when an answer is owed, and until when usually and at the latest.
    asked: datetime | None = None
    promise: tuple[datetime, datetime] | None = None

    def moved(self, body: Any, at: datetime) -> None:
        """It stands elsewhere now."""
        self.state = _word(applications_pb2.ApplicationState, body.state)
        self.track = _word(applications_pb2.Track, body.track) if body.track else ""
        if body.state in ASKED and self.asked is None:
            self.asked = at
        if body.HasField("latest_by"):
            self.promise = (body.usually_by.ToDatetime(UTC), body.latest_by.ToDatetime(UTC))

    def decided(self, told: Any, at: datetime) -> None:
        """It has an answer."""
        assert self.asked is not None, "nobody answers what nobody asked"
        took = at - self.asked
        answer = {
            "track": _word(applications_pb2.Track, told.track),
            "outcome": _word(applications_pb2.ApplicationOutcome, told.outcome),
            "limit": _amount(told.limit),
            "hours": f"{took / timedelta(hours=1):g}",
            "promise": self._kept(at),
            "reasons": [_said(reason) for reason in told.reasons],
        }
        self.answers.append(answer)
        self.asked = self.promise = None

    def _kept(self, at: datetime) -> str:
        """What became of the promise."""
        if at == self.asked or self.promise is None:
            return "at once"
        usually, latest = self.promise
        return "kept, as usual" if at <= usually else "kept" if at <= latest else "broken"


def applications(facts: Iterable[Fact], tenants: Sequence[str]) -> dict[str, Figures]:
    """Each application by tenant and its id."""
    cases: defaultdict[tuple[str, str], Case] = defaultdict(Case)
    for fact in facts:
        if fact.tenant not in tenants or not fact.subject.startswith("application/"):
            continue
        body, at = fact.body, datetime.fromisoformat(fact.at)
        case = cases[(fact.tenant, body.application_id)]
        match fact.name:
            case "ApplicationMoved":
                case.moved(body, at)
            case "ApplicationDecided":
                case.decided(body.decision, at)
            case "FraudSignalled":
                case.signals[f"{body.rule} {body.action}"] = None
            case "FactWanted" if body.asked_by.startswith("user:"):
                case.wanted += body.keys
    found: dict[str, Figures] = {tenant: {} for tenant in tenants}
    for (tenant, name), case in sorted(cases.items()):
        shown = {"state": case.state, "track": case.track, "answers": case.answers}
        found[tenant][name] = shown | {"signals": list(case.signals), "wanted": case.wanted}
    return found


def groups(services: Services, tenants: Sequence[str]) -> dict[str, Figures]:
    """What each group's accounts may owe together, owe and have reserved; amounts in major units."""
    return {tenant: {node.node_id: _node(node) for node in _nodes(services, tenant)} for tenant in tenants}


def _nodes(services: Services, tenant: str) -> list[exposure_pb2.Node]:
    def ask(token: str) -> tuple[Iterable[Any], str]:
        request = exposure_pb2.GetTreeRequest(page_size=PAGE, page_token=token)
        answer = services.read(services.exposure.GetTree, request, tenant=tenant)
        return answer.children, answer.next_page_token

    return [child.node for child in pages(ask)]


def _node(node: exposure_pb2.Node) -> Figures:
    amounts = {"limit": node.limit, "used": node.used, "held": node.held}
    return {"currency": node.limit.currency, **{name: _major(amount) for name, amount in amounts.items()}}


def _said(reason: applications_pb2.Reason) -> str:
    """Why, in words."""
    figures = {figure.name: figure.value for figure in reason.figures}
    return catalogue("en").credit_reasons([json.dumps([reason.code, figures])])


def _word(kind: Any, value: int) -> str:
    name: str = kind.Name(value)
    prefix = {"ApplicationState": "APPLICATION_STATE_", "ApplicationOutcome": "APPLICATION_OUTCOME_"}
    return name.removeprefix(prefix.get(kind.DESCRIPTOR.name, "TRACK_"))


def _amount(amount: money_pb2.Money) -> str:
    return f"{_major(amount)} {amount.currency}" if amount.minor else ""


def _major(amount: money_pb2.Money) -> str:
    return f"{Money(amount.minor, amount.currency).decimal:f}"
