"""Sources of facts about companies, played: `python -m deploy.local.sources` is a register, VIES, a bureau and all others.

What a company is follows from its number alone, each time the same; some are special (SPECIAL): of these a source is slow,
is away, never answers, contradicts the others or talks nonsense. So do rates from their day, of which some are special too
(SPECIAL_DAYS).
"""

import asyncio
import json
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import grpc
import typer
from receivables.sources.v1 import service_pb2, service_pb2_grpc

from deploy.local.artifacts import ROOT
from deploy.local.authority import HOSTS, Authority
from deploy.local.processes import Process, answers, free_port
from services.chassis import tls
from services.chassis.access import IDENTITY
from services.chassis.callers import may_call
from services.chassis.identity import Trust, Verifier
from services.kernel.refusals import Forbidden, Refusal


class Behaviour(StrEnum):
    """How a source behaves when it is asked about somebody special."""

    SLOW = "slow"
    AWAY = "away"
    # It takes the question, and never answers.
    SILENT = "silent"
    # It cannot say now.
    UNAVAILABLE = "unavailable"
    # It knows another name than the others.
    CONTRADICTORY = "contradictory"
    DISSOLVED = "dissolved"
    NONSENSE = "nonsense"


# The numbers are of the form that Companies House gives, the bank account is one of a bank's examples.
SPECIAL: Mapping[str, Mapping[str, Behaviour]] = {
    "99000001": {"bureau": Behaviour.SLOW},
    "99000002": {"registry": Behaviour.AWAY},
    "99000003": {"gleif": Behaviour.CONTRADICTORY},
    "99000004": {"registry": Behaviour.DISSOLVED},
    "99000005": {"bureau": Behaviour.NONSENSE},
    "99000006": {"insurer": Behaviour.SILENT},
    "99000007": {"vies": Behaviour.UNAVAILABLE},
    "DE89370400440532013000": {"payee": Behaviour.CONTRADICTORY},
}
SPECIAL_DAYS: Mapping[str, Behaviour] = {
    "2026-02-02": Behaviour.SLOW,
    "2026-02-03": Behaviour.AWAY,
    "2026-02-04": Behaviour.NONSENSE,
}
# What a euro is about worth.
EURO = {"CHF": 0.93, "DKK": 7.46, "GBP": 0.86, "JPY": 162.0, "NOK": 11.7, "PLN": 4.27, "SEK": 11.2, "USD": 1.09}
SLOW_S = 5.0

HOST = "127.0.0.1"
METHOD = "receivables.sources.v1.SourceService/Look"
FROM = date(2025, 12, 1)  # days are counted back from here, whatever the clock of a demo says
CURRENCIES = {"GB": "GBP", "SE": "SEK", "US": "USD"}  # and EUR, where nobody says in which amounts are wanted
_NAMES = (("North", "Bright", "River", "Oak", "Harbour", "Stone"), ("gate", "field", "works", "line", "mill", "bridge"))
_FORMS = {"DE": "GmbH", "FR": "SARL", "GB": "Ltd", "SE": "AB", "US": "Inc"}


@dataclass(frozen=True, slots=True)
class Company:
    """What there is to know of a company."""

    number: str
    name: str
    currency: str
    status: str
    # Of its own name and the one of its bank account's holder, 0 to 1.
    likeness: str
    # Of the source that is asked; None: as usual.
    behaviour: Behaviour | None
    chance: random.Random

    @classmethod
    def of(cls, subject: Mapping[str, str], source: str) -> "Company":
        """Whom a subject means, as a source knows it: by its number or its name, to a bank by its account alone."""
        country = subject.get("country", "")
        by = ("iban",) if source in TOLD else ("register_number", "vat_id", "company_name")
        number = next((subject[key] for key in by if subject.get(key)), "")
        behaviour = SPECIAL.get(number, {}).get(source)
        chance = random.Random(f"{country}/{number}")  # noqa: S311 - nobody's secret
        name = f"{chance.choice(_NAMES[0])}{chance.choice(_NAMES[1])} {_FORMS.get(country, 'Ltd')}"
        name, otherwise = subject.get("company_name") or name, behaviour is Behaviour.CONTRADICTORY
        return cls(
            number=number,
            name=f"{name} Holdings" if otherwise else name,
            currency=subject.get("currency") or CURRENCIES.get(country, "EUR"),
            status="dissolved" if behaviour is Behaviour.DISSOLVED else "active",
            likeness="0.31" if otherwise else "1",
            behaviour=behaviour,
            chance=chance,
        )

    def money(self, least: int, most: int) -> str:
        """An amount in whole thousands of its currency."""
        return f"{self.chance.randint(least, most)}000.00 {self.currency}"

    def day(self, years: int) -> str:
        """A day within so many years."""
        return (FROM - timedelta(days=self.chance.randint(400, 400 + 365 * years))).isoformat()


Tell = Callable[[Company], str]
# What each source knows, and how it says it.
FACTS: Mapping[str, Mapping[str, Tell]] = {
    "registry": {
        "company_name": lambda company: company.name,
        "company_status": lambda company: company.status,
        "registered_on": lambda company: company.day(20),
        "registry_change_days": lambda company: str(company.chance.randint(100, 3000)),
        "dormant_revived": lambda _company: "false",
        "sole_trader": lambda _company: "false",
        "sector": lambda company: company.chance.choice(["machinery", "wholesale", "health", "catering"]),
        "size": lambda company: company.chance.choice(["small", "medium", "large"]),
    },
    "vies": {
        "company_name": lambda company: company.name,
    },
    "gleif": {
        "company_name": lambda company: company.name,
        "lei": lambda _company: "",  # it has none
    },
    "bureau": {
        "bureau_source": lambda _company: "Town Bureau",
        "bureau_score": lambda company: str(company.chance.randint(62, 95)),
        "bureau_limit": lambda company: company.money(20, 200),
        "tangible_net_worth": lambda company: company.money(200, 2000),
        "equity_ratio": lambda company: f"0.{company.chance.randint(26, 60)}",
    },
    "insurer": {
        "insurer_limit": lambda company: company.money(20, 150),
        "insurer_coverage": lambda _company: "0.90",
    },
    "bank": {
        "bank_confirmed": lambda _company: "true",
        "bank_account_age_days": lambda company: str(company.chance.randint(200, 4000)),
    },
    "payee": {
        "bank_holder_similarity": lambda company: company.likeness,
    },
}
RATES = "rates"  # by which name credit knows who tells them
TOLD = {"bank": ["country", "iban"], "payee": ["company_name", "country", "iban"]}


def setting(address: str) -> str:
    """AR_CREDIT_SOURCES for all of them at one address."""
    said = {name: {"address": address, "keys": sorted(facts)} for name, facts in FACTS.items()}
    return json.dumps({name: one | ({"told": TOLD[name]} if name in TOLD else {}) for name, one in said.items()})


def rates_setting(address: str) -> str:
    """AR_CREDIT_RATES at one address."""
    return json.dumps({"address": address})


def certify(authority: Authority) -> Path:
    """A certificate that is for each of them by its name; the folder that it is in."""
    names = [f"source-{name}.{tls.DOMAIN}" for name in (*FACTS, RATES)]
    return authority.issue("sources", hosts=(*HOSTS, *names))


class Played(service_pb2_grpc.SourceServiceServicer):
    """Answers in the name of whichever source is asked."""

    def __init__(self, slow_s: float, trust: Trust | None) -> None:
        """Take what is slow, seconds, and whom it trusts to sign in credit's name; None: nobody has to."""
        self._slow_s, self._trust = slow_s, trust
        self._verifiers: dict[str, Verifier] = {}

    async def Look(self, request: service_pb2.LookRequest, context: Any) -> service_pb2.LookResponse:
        """What the source knows of the company."""
        try:
            self._check(request.source, context)
        except Refusal as refusal:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal.code)
        company = Company.of({known.key: known.value for known in request.subject}, request.source)
        if not company.number:
            return service_pb2.LookResponse()  # nobody whom it knows
        match company.behaviour:
            case Behaviour.SLOW:
                await asyncio.sleep(self._slow_s)
            case Behaviour.SILENT:
                await asyncio.Event().wait()
            case Behaviour.AWAY:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "down for maintenance")
            case Behaviour.UNAVAILABLE:
                return service_pb2.LookResponse(unavailable=request.keys)
            case Behaviour.NONSENSE:
                return _nonsense(request.keys)
        # All of it in one order, whichever are wanted: the same company is the same each time.
        values = {key: tell(company) for key, tell in FACTS.get(request.source, {}).items()}
        return service_pb2.LookResponse(
            facts=[_found(key, values[key], company.number) for key in request.keys if key in values]
        )

    async def Rates(self, request: service_pb2.RatesRequest, context: Any) -> service_pb2.RatesResponse:
        """What a euro is worth on a day."""
        try:
            self._check(RATES, context)
        except Refusal as refusal:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal.code)
        match SPECIAL_DAYS.get(request.day):
            case Behaviour.SLOW:
                await asyncio.sleep(self._slow_s)
            case Behaviour.AWAY:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "down for maintenance")
            case Behaviour.NONSENSE:
                return service_pb2.RatesResponse(rates=_no_rates(request.day))
        return service_pb2.RatesResponse(rates=rates_of(request.day))

    def _check(self, source: str, context: Any) -> None:
        """Refuse whoever is not credit, by certificate where the wire has one, and by token where we trust anybody."""
        workload = tls.workload(context.auth_context())
        if workload is not None and not may_call(workload, METHOD):
            raise Forbidden("access.workload", "only credit asks sources")
        if self._trust is None:
            return
        if source not in self._verifiers:
            self._verifiers[source] = Verifier(self._trust, f"source-{source}")
        token = dict(context.invocation_metadata() or ()).get(IDENTITY, "")
        principal, _ = self._verifiers[source].verify(str(token))
        if principal.subject != "service:credit":
            raise Forbidden("access.kind", "only credit asks sources")


def _found(key: str, value: str, evidence: str) -> service_pb2.Found:
    found = service_pb2.Found(key=key, value=value, evidence=f"extract {evidence}")
    found.as_of.FromDatetime(datetime(FROM.year, FROM.month, FROM.day, tzinfo=UTC))
    return found


def rates_of(day: str) -> list[service_pb2.Rate]:
    """A day's rates, each within a hundredth of what it always about is."""
    chance = random.Random(day)  # noqa: S311 - nobody's secret
    return [
        service_pb2.Rate(base="EUR", quote=quote, day=day, rate=f"{about * chance.uniform(0.99, 1.01):.4f}")
        for quote, about in EURO.items()
    ]


def _no_rates(day: str) -> list[service_pb2.Rate]:
    """Below zero, zero, of no currency, of a day to come, twice and not the same, and ten times as much as ever."""
    wrong = [
        ("SEK", "-11.2"),
        ("USD", "0"),
        ("XXX", "3"),
        ("EUR", "1"),
        ("GBP", "a lot"),
        ("CHF", "0.93"),
        ("CHF", "0.94"),
    ]
    rates = [service_pb2.Rate(base="EUR", quote=quote, day=day, rate=rate) for quote, rate in wrong]
    rates.append(service_pb2.Rate(base="EUR", quote="NOK", day="2099-12-31", rate="11.7"))
    rates.append(service_pb2.Rate(base="EUR", quote="JPY", day=day, rate="1620"))
    return rates


def _nonsense(keys: Any) -> service_pb2.LookResponse:
    """Values of no kind, more than was asked for, and what is over already."""
    answer = service_pb2.LookResponse(facts=[service_pb2.Found(key=key, value="\N{GHOST} lots & lots") for key in keys])
    answer.facts.add(key="board_members", value="everybody")
    over = answer.facts.add(key=keys[0], value="1")
    over.valid_until.FromDatetime(datetime(1999, 12, 31, tzinfo=UTC))
    return answer


class Town:
    """All of them, in a process of their own."""

    def __init__(
        self, log: Path, *, slow_s: float = SLOW_S, tls_dir: Path | None = None, trust_dir: Path | None = None
    ) -> None:
        """Describe it; it starts when it is told to."""
        self.port = free_port()
        argv = [sys.executable, "-m", "deploy.local.sources", f"--port={self.port}", f"--slow-s={slow_s}"]
        argv += [f"--tls-dir={tls_dir}"] if tls_dir else []
        argv += [f"--trust-dir={trust_dir}"] if trust_dir else []
        path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}"}
        self.process = Process("sources", argv, env=path, log=log, ready=lambda: answers(self.port))

    @property
    def setting(self) -> str:
        """What credit is told, as AR_CREDIT_SOURCES."""
        return setting(f"{HOST}:{self.port}")

    @property
    def rates_setting(self) -> str:
        """What credit is told, as AR_CREDIT_RATES."""
        return rates_setting(f"{HOST}:{self.port}")

    def __enter__(self) -> Self:
        """Start, and return when they answer."""
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.process.stop()


async def serve(port: int, slow_s: float, tls_dir: Path | None, trust_dir: Path | None) -> None:
    """Answer until cancelled."""
    server = grpc.aio.server()
    trust = Trust(trust_dir) if trust_dir is not None else None
    service_pb2_grpc.add_SourceServiceServicer_to_server(Played(slow_s, trust), server)
    address = f"{HOST}:{port}"
    if tls_dir is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, tls.server_credentials(tls.holder(tls_dir)))
    await server.start()
    try:
        await server.wait_for_termination()
    finally:
        await server.stop(None)


def main(
    port: Annotated[int, typer.Option(help="where they answer, on this machine alone")] = 50061,
    slow_s: Annotated[float, typer.Option(help="for how long one that is slow takes, seconds")] = SLOW_S,
    tls_dir: Annotated[Path | None, typer.Option(help="folder of their certificate; none: plain text")] = None,
    trust_dir: Annotated[
        Path | None, typer.Option(help="folder of whom they trust; none: no token is asked for")
    ] = None,
) -> None:
    """Play all sources of facts about companies, and of rates, on one port until Ctrl-C."""
    print(f"export AR_CREDIT_SOURCES='{setting(f'{HOST}:{port}')}'", flush=True)
    print(f"export AR_CREDIT_RATES='{rates_setting(f'{HOST}:{port}')}'", flush=True)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(port, slow_s, tls_dir, trust_dir))


if __name__ == "__main__":
    typer.run(main)
