"""A seller's business with three buyers, and another seller's with one: whatever can be asked for has a row of each.

Each id begins with the account that it is of, or is known by it (`Belongings.secrets`): what is another's is recognized
wherever it turns up in an answer.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import money_pb2, party_pb2, standing_pb2
from receivables.credit.v1 import applications_pb2, exposure_pb2, lab_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.credit.v1 import standing_pb2 as credit_standing
from receivables.credit.v1.applications_pb2_grpc import ApplicationServiceStub, PolicyServiceStub
from receivables.credit.v1.exposure_pb2_grpc import ExposureServiceStub
from receivables.credit.v1.lab_pb2_grpc import LabServiceStub
from receivables.credit.v1.service_pb2_grpc import CreditServiceStub
from receivables.credit.v1.standing_pb2_grpc import StandingApprovalServiceStub as CreditStandingStub
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import incidents_pb2, responses_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.disputes.v1 import standing_pb2 as disputes_standing
from receivables.disputes.v1.incidents_pb2_grpc import IncidentServiceStub
from receivables.disputes.v1.service_pb2_grpc import DisputesServiceStub
from receivables.disputes.v1.standing_pb2_grpc import StandingApprovalServiceStub as DisputesStandingStub
from receivables.invoicing.v1 import events_pb2 as invoicing_events
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1.service_pb2_grpc import InvoicingServiceStub
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.ledger.v1.service_pb2_grpc import LedgerServiceStub
from receivables.notifications.v1 import events_pb2 as notifications_events
from receivables.notifications.v1 import feedback_pb2, letters_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub
from receivables.operations.v1 import service_pb2 as operations_pb2

from services.chassis.envelope import Record
from services.credit.domain import underwriting
from services.credit.domain.review import Kind
from services.disputes.domain import responses
from services.kernel.money import Money
from services.notifications.domain.first_steps import Code as FirstStep
from tests.integration.credit.applicants import ANSWERS
from tests.integration.credit.reviewed import propose
from tests.integration.house.house import House
from tests.integration.invoicing import office
from tests.unit.disputes.spoken import said

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
OURS, THEIRS = "acme", "globex"  # two sellers
# Of one seller: an account that the caller is of, one of the same company that it is not of, one of another company.
OWN, SIBLING, OTHER = "acc-own", "acc-sib", "acc-oth"
FAR = "acc-far"  # of another seller
NONE = "acc-non"  # of nobody: nothing of it was ever told
APPROVED = applications_pb2.APPLICATION_OUTCOME_APPROVED
CLERK = "clerk"  # of the seller's
PICTURE = b"\x89PNG\r\n\x1a\n-"
ONE_LINE = (("1", "2", "0.50", "STANDARD"),)
COMPANIES = {OWN: "Käufer AG", SIBLING: "Käufer AG", OTHER: "Fremde AG", FAR: "Ferne AG"}


@dataclass
class Belongings:
    """What there is of an account."""

    account: str
    invoice_id: str = field(default_factory=lambda: str(uuid4()))
    invoice: str = "RE-2026-999999"
    case: str = field(default_factory=lambda: str(uuid4()))
    proposed: str = field(default_factory=lambda: str(uuid4()))
    twin: str = field(default_factory=lambda: str(uuid4()))  # another case about the same as `case`
    lined: str = field(default_factory=lambda: str(uuid4()))  # a case about units of a line
    careful: str = field(default_factory=lambda: str(uuid4()))  # an ENHANCED case
    incident: str = field(default_factory=lambda: str(uuid4()))
    ending: str = field(default_factory=lambda: str(uuid4()))  # an incident of which is said how it ends
    evidence: str = field(default_factory=lambda: str(uuid4()))
    reference: str = "P-2026-999999"
    message: str = field(default_factory=lambda: str(uuid4()))  # by which its person was told of the invoice
    decision: str = field(default_factory=lambda: str(uuid4()))  # on its application that a person has to look at

    @property
    def order(self) -> str:
        return f"{self.account}-order"

    @property
    def referred(self) -> str:
        return f"{self.account}-referred"

    @property
    def checked(self) -> str:
        """That looks wrong: it is to go somewhere else than it was."""
        return f"{self.account}-checked"

    @property
    def open_order(self) -> str:
        """Of which nothing has shipped."""
        return f"{self.account}-order-open"

    @property
    def about(self) -> str:
        """What is followed, and written about."""
        return f"order/{self.order}"

    @property
    def contact(self) -> str:
        return f"{self.account}-contact"

    @property
    def leaver(self) -> str:
        """Who is forgotten by whoever may."""
        return f"{self.account}-contact-leaver"

    @property
    def hold(self) -> str:
        return f"{self.account}-hold"

    @property
    def uplift(self) -> str:
        return f"{self.account}-uplift"

    @property
    def standing(self) -> str:
        """What is approved of it by one word, at credit and at disputes."""
        return f"{self.account}-standing"

    @property
    def security(self) -> str:
        return f"{self.account}-security"

    @property
    def review(self) -> str:
        """A higher limit that it is offered."""
        return f"{self.account}-review"

    @property
    def payment(self) -> str:
        return f"{self.account}-payment"

    @property
    def asset(self) -> str:
        """What its order is for."""
        return f"{self.account}-asset"

    @property
    def application(self) -> str:
        """For credit, all of whose questions are answered; others of it are called so with what may be done with them."""
        return f"{self.account}-application"

    @property
    def decline_token(self) -> str:
        """By which its person declines news by mail."""
        return f"{self.account}-decline-token"

    @property
    def question(self) -> str:
        """What its person was asked, and what that asks of the seller."""
        return f"{self.account}-question"

    @property
    def token(self) -> str:
        """By which it is answered."""
        return f"{self.account}-question-token"

    @property
    def application_document(self) -> str:
        """What it added to that."""
        return f"{self.account}-application-document"

    @property
    def secrets(self) -> frozenset[str]:
        """Whatever of it, in an answer, tells whose it is."""
        begins = {
            f"{self.account}-{what}"
            for what in (
                "order",
                "referred",
                "checked",
                "contact",
                "hold",
                "uplift",
                "standing",
                "security",
                "review",
                "payment",
                "held",
                "asset",
                "application",
                "question",
            )
        }
        return frozenset(
            {
                *(
                    self.invoice_id,
                    self.invoice,
                    self.case,
                    self.proposed,
                    self.evidence,
                    self.company,
                    self.message,
                    self.decision,
                ),
                *begins,
            }
        )

    @property
    def company(self) -> str:
        return f"{COMPANIES.get(self.account, 'Niemand')} {self.account}"


def eur(minor: int) -> money_pb2.Money:
    """Cents."""
    return money_pb2.Money(minor=minor, currency="EUR")


async def _tried(house: House, tenant: str) -> None:
    """A history, and a trial on it that was called off."""
    case = lab_pb2.HistoryCase(case_id="h1", decided_on="2023-05-01", currency="EUR", drawn="100")
    await house.call(LabServiceStub, "AddHistory", lab_pb2.AddHistoryRequest(cases=[case]), tenant=tenant)
    trial = lab_pb2.StartTrialRequest(
        trial_id="trial",
        policy_id=underwriting.default().policy_id,
        source=lab_pb2.TRIAL_SOURCE_HISTORY,
        from_day="2023-01-01",
        split_day="2024-01-01",
        to_day="2024-12-31",
    )
    await house.call(LabServiceStub, "StartTrial", trial, tenant=tenant)
    await house.call(LabServiceStub, "CancelTrial", lab_pb2.CancelTrialRequest(trial_id="trial"), tenant=tenant)


async def settled(house: House) -> dict[str, Belongings]:
    """Play all that there is; gives it by account."""
    for tenant, prefix in ((OURS, "RE"), (THEIRS, "GX")):
        seller = office.a_seller(f"{tenant}-seller", prefix)
        await house.call(InvoicingServiceStub, "RegisterSeller", seller, tenant=tenant)
        clerk = notifications_pb2.RegisterContactRequest(
            contact_id=CLERK, name="Clerk", email=f"clerk@{tenant}.example", roles=["QUALITY"], language="en"
        )
        await house.call(NotificationsServiceStub, "RegisterContact", clerk, tenant=tenant)
        text = applications_pb2.ProposePolicyTextRequest(text=underwriting.default().text)
        await house.call(PolicyServiceStub, "ProposePolicyText", text, tenant=tenant)
        await _tried(house, tenant)
    found = {}
    for account, tenant in ((OWN, OURS), (SIBLING, OURS), (OTHER, OURS), (FAR, THEIRS)):
        found[account] = await _trade(house, Belongings(account), tenant)
    assert await house.waiting() == []
    return found | {NONE: Belongings(NONE)}


async def _trade(house: House, of: Belongings, tenant: str) -> Belongings:
    async def call(stub: type[Any], request: Message, actor: str = "user:ada") -> Any:
        method = request.DESCRIPTOR.name.removesuffix("Request")
        return await house.call(stub, method, request, tenant=tenant, actor=actor)

    account, company = of.account, office.company(of.company)
    await call(
        CreditServiceStub,
        credit_pb2.RegisterBuyerRequest(account_id=account, company=company, limit=eur(50_000)),
    )
    await call(NotificationsServiceStub, a_contact(of))
    await call(NotificationsServiceStub, a_contact(of, of.leaver))
    await _led(house, of, tenant)
    await house.settle()
    await _tell(house, office.reported(of.asset, account=account, tenant=tenant))
    await _ordered(house, of, of.order, tenant, of.asset)
    [issued] = [one for one in house.said(invoicing_events.InvoiceIssued, tenant) if one.account_id == account]
    of.invoice_id, of.invoice = issued.invoice_id, issued.number
    await _placed(house, of, of.open_order, tenant)
    # One that no rule lets out, one that a person has to decide.
    company.electronic_address_scheme = ""
    await call(CreditServiceStub, credit_pb2.ChangeBuyerRequest(account_id=account, company=company))
    await house.settle()
    await _ordered(house, of, f"{account}-held", tenant)
    referred = credit_pb2.DecideRequest(order_id=of.referred, version=1, account_id=account, amount=eur(17_500))
    decided = await call(CreditServiceStub, referred, "key:shop")
    assert decided.decision.outcome == credit_events.OUTCOME_REFERRED, decided
    for version, city in enumerate(("Berlin", "Hamburg"), start=1):
        place = party_pb2.Address(street="Hauptstr. 1", city=city, country="DE")
        order = credit_pb2.DecideRequest(
            order_id=of.checked, version=version, account_id=account, amount=eur(10), ship_to=place
        )
        decided = await call(CreditServiceStub, order, "key:shop")
    assert list(decided.decision.reasons) == ["fraud_hold"], decided
    site = party_pb2.Scope(site=f"{account}-site")
    await call(CreditServiceStub, credit_pb2.PlaceHoldRequest(hold_id=of.hold, account_id=account, scope=site))
    await _apply(of, call)
    await _compare(house, of, tenant)
    uplift = an_uplift()
    uplift.uplift_id, uplift.account_id = of.uplift, account
    await call(ExposureServiceStub, uplift)
    release, credit = a_release(), a_standing_credit()
    release.approval_id, release.account_id = of.standing, account
    await call(CreditStandingStub, release)
    credit.approval_id, credit.account_id = of.standing, account
    await call(DisputesStandingStub, credit)
    security = a_security()
    security.security_id, security.account_id = of.security, account
    await call(ExposureServiceStub, security)
    limit = Money(50_000, "EUR")
    await propose(
        house.residents["credit"].parts,
        of.review,
        Kind.RAISE,
        60_000,
        tenant=tenant,
        account_id=account,
        current=limit,
        valid_until=MONDAY + timedelta(days=30),
    )
    await call(LedgerServiceStub, a_payment(of, of.payment))
    for _ in range(4 if account == FAR else 1):  # no two sellers' have the same reference here
        announced = await call(LedgerServiceStub, an_announcement(of))
    of.reference = announced.announcement.reference
    of.case = (await call(DisputesServiceStub, a_case(of), "key:shop")).dispute.dispute_id
    of.evidence = (await call(DisputesServiceStub, a_photo(of), "key:shop")).evidence.evidence_id
    of.proposed = (await call(DisputesServiceStub, a_case(of), "key:shop")).dispute.dispute_id
    of.twin = (await call(DisputesServiceStub, a_case(of, 1), "key:shop")).dispute.dispute_id
    of.lined = (await call(DisputesServiceStub, a_case_by_line(of), "key:shop")).dispute.dispute_id
    of.careful = (await call(DisputesServiceStub, a_case(of, 2, "QLT_SPEC"), "key:shop")).dispute.dispute_id
    for action in (disputes_pb2.ACTION_REVIEW, disputes_pb2.ACTION_PROPOSE):
        await call(DisputesServiceStub, disputes_pb2.MoveRequest(dispute_id=of.proposed, action=action), "user:lea")
    of.incident = (await call(IncidentServiceStub, an_incident(), "user:lea")).incident.incident_id
    of.ending = (await call(IncidentServiceStub, an_incident(), "user:lea")).incident.incident_id
    await call(IncidentServiceStub, an_end(of.ending), "user:lea")
    await house.settle()
    told = await call(NotificationsServiceStub, notifications_pb2.ListMessagesRequest(contact_id=of.contact))
    [of.message] = [one.message_id for one in told.messages if one.event_type.endswith(".InvoiceIssued")]
    return of


async def _led(house: House, of: Belongings, tenant: str) -> None:
    """First steps that its people were asked for, and by what one of them declines news."""
    async with house.residents["notifications"].parts.database.transaction([tenant]) as tx:
        # Asked of what it ordered, and answered with no: that asks something of whoever has the matter.
        asked = [tenant, of.question, of.account, of.contact, of.about]
        await tx.run(
            """INSERT INTO question (tenant, question_id, account_id, contact_id, about, role, topic, mends, token, asked_at)
               VALUES (%s, %s, %s, %s, %s, 'RECEIVING', 'COMPLETE', '', %s, %s)""",
            [*asked, of.token, tx.at],
        )
        await tx.run(
            """INSERT INTO feedback_action (tenant, question_id, account_id, contact_id, about, role, topic, value, state,
                                            owner, due, urgency, cause, opened_at)
               VALUES (%s, %s, %s, %s, %s, 'RECEIVING', 'COMPLETE', 2, 'OPEN', 'LOGISTICS', %s, 2, '', %s)""",
            [*asked, tx.at, tx.at],
        )
        await tx.run(
            "UPDATE contact SET decline_token = %s WHERE tenant = %s AND contact_id = %s",
            [of.decline_token, tenant, of.contact],
        )
        await tx.run(
            """INSERT INTO first_step (tenant, account_id, code, state, reason, answer)
               SELECT %s, %s, code, 'OPEN', '', '' FROM unnest(%s::text[]) AS code""",
            [tenant, of.account, [code.value for code in FirstStep]],
        )
        await tx.run(
            """INSERT INTO picture (tenant, contact_id, sha256, media_type, content) VALUES (%s, 'face', 'face', 'image/png', %s)
               ON CONFLICT DO NOTHING""",
            [tenant, PICTURE],
        )


async def _apply(of: Belongings, call: Callable[..., Awaitable[Any]]) -> None:
    """Applications for credit, one in each state that something can be done with."""

    async def start(name: str) -> None:
        request = applications_pb2.StartApplicationRequest(application_id=name, account_id=of.account)
        await call(ApplicationServiceStub, request, "key:shop")

    async def act(name: str, kind: type[Any], actor: str = "user:ada", **fields: Any) -> Any:
        return await call(ApplicationServiceStub, kind(application_id=name, **fields), actor)

    await start(of.application)
    # No two companies give the same: that would be looked at closely.
    own = {
        "contact_email": f"ap@{of.account}.example",
        "register_number": f"HRB {1000 + list(COMPANIES).index(of.account)}",
    }
    facts = [applications_pb2.Fact(key=key, value=value) for key, value in (ANSWERS | own).items()]
    await act(of.application, applications_pb2.GiveFactsRequest, "key:shop", facts=facts)
    await call(ApplicationServiceStub, a_document(of), "key:shop")
    for what in ("accept", "appeal", "ask", "confirm", "decide", "take-up"):
        name = f"{of.application}-{what}"
        await start(name)
        submitted = await act(name, applications_pb2.SubmitApplicationRequest, "key:shop")
        of.decision = submitted.application.decision.decision_id
        if what == "take-up":
            continue
        owner = "user:somebody" if what in ("ask", "decide") else "user:ada"
        await act(name, applications_pb2.TakeUpApplicationRequest, owner)
        if what not in ("ask", "decide"):
            limit = eur(9_000_000 if what == "confirm" else 100_000)
            await act(name, applications_pb2.DecideApplicationRequest, outcome=APPROVED, limit=limit)
    await start(f"{of.application}-withdraw")


async def _compare(house: House, of: Belongings, tenant: str) -> None:
    """A name on its application that a person has to look at is like one on a list."""
    match = applications_pb2.Match(key="company_name", list="UN", entry_id="XX.1", name="d" * 64)
    look = applications_pb2.Look(matches=[match]).SerializeToString()
    async with house.residents["credit"].parts.database.transaction([tenant]) as tx:
        await tx.run(
            "UPDATE application_look SET look = %s WHERE application_id = %s", [look, f"{of.application}-take-up"]
        )


def a_document(of: Belongings) -> applications_pb2.AddApplicationDocumentRequest:
    """Something is added to its application."""
    return applications_pb2.AddApplicationDocumentRequest(
        application_id=of.application,
        document_id=of.application_document,
        key="annual_accounts",
        name="accounts.pdf",
        media_type="application/pdf",
        content=f"%PDF-1.7 {of.account}".encode(),
    )


async def _ordered(house: House, of: Belongings, order: str, tenant: str, asset: str = "") -> None:
    seller = f"{tenant}-seller"
    await _tell(house, office.placed(order, account=of.account, tenant=tenant, seller=seller, asset=asset))
    await _tell(house, office.shipped(order, account=of.account, tenant=tenant))


async def _placed(house: House, of: Belongings, order: str, tenant: str) -> None:
    record = office.placed(order, ONE_LINE, account=of.account, tenant=tenant, seller=f"{tenant}-seller")
    await _tell(house, record)


async def _tell(house: House, record: Record) -> None:
    house.topics.setdefault(record.topic, []).append(record)
    await house.settle()


def a_contact(of: Belongings, contact: str = "") -> notifications_pb2.RegisterContactRequest:
    """Its person, who is told of everything; or another."""
    contact = contact or of.contact
    return notifications_pb2.RegisterContactRequest(
        contact_id=contact,
        account_id=of.account,
        name=contact,
        email=f"{contact}@buyer.example",
        roles=["AP_CLERK", "REQUESTER", "PROCUREMENT", "RECEIVING"],
        language="en",
    )


def an_uplift() -> exposure_pb2.GrantUpliftRequest:
    """It may owe more for a while, once another person says so."""
    until = Timestamp(seconds=int((MONDAY + timedelta(days=30)).timestamp()))
    return exposure_pb2.GrantUpliftRequest(amount=eur(100), valid_until=until, reason_code="season")


def a_release() -> credit_standing.GrantStandingApprovalRequest:
    """It may be released by one word, once another person says so; no order here is so small."""
    return credit_standing.GrantStandingApprovalRequest(bounds=_bounds(standing_pb2.STANDING_KIND_RELEASE_ORDER))


def a_standing_credit() -> disputes_standing.GrantStandingApprovalRequest:
    """The same of a credit."""
    return disputes_standing.GrantStandingApprovalRequest(bounds=_bounds(standing_pb2.STANDING_KIND_CREDIT))


def _bounds(kind: standing_pb2.StandingKind.ValueType) -> standing_pb2.StandingBounds:
    until = Timestamp(seconds=int((MONDAY + timedelta(days=30)).timestamp()))
    return standing_pb2.StandingBounds(
        kinds=[kind], act_most=eur(1), period_most=eur(1), period_count=1, period_days=1, valid_until=until
    )


def a_security() -> exposure_pb2.SetSecurityRequest:
    """Somebody would pay for it."""
    return exposure_pb2.SetSecurityRequest(kind=credit_events.SECURITY_KIND_LC, amount=eur(100), coverage="0.9")


def a_payment(of: Belongings, payment: str) -> ledger_pb2.RecordPaymentRequest:
    """Some of what is owed."""
    return ledger_pb2.RecordPaymentRequest(
        payment_id=payment, account_id=of.account, amount=eur(100), value_date="2026-03-02", remittance=of.invoice
    )


def an_announcement(of: Belongings) -> ledger_pb2.AnnouncePaymentRequest:
    """Some of what is owed is said to come."""
    item = ledger_pb2.AnnouncedItem(number=of.invoice, amount=eur(90))  # no payment here is just that
    return ledger_pb2.AnnouncePaymentRequest(account_id=of.account, items=[item])


def a_cell() -> disputes_pb2.Cell:
    """Who looks at a case, by Friday."""
    places = [
        disputes_events.CellPlace(step=step, person=f"user:{step}", by="2026-03-06")
        for step in disputes_events.CellStep.values()[1:]
    ]
    return disputes_pb2.Cell(coordinator="user:lea", places=places)


def a_case(of: Belongings, minor: int = 100, reason: str = "PRC_DISC") -> disputes_pb2.OpenRequest:
    """Some of it is contested."""
    return disputes_pb2.OpenRequest(invoice=of.invoice, reason_code=reason, amount=eur(minor))


def a_case_by_line(of: Belongings) -> disputes_pb2.OpenRequest:
    """On two units of its first line."""
    line = disputes_events.DisputedLine(line_id="1", quantity="0.04")
    return disputes_pb2.OpenRequest(invoice=of.invoice, reason_code="PRC_DISC", lines=[line])


def an_incident() -> incidents_pb2.OpenIncidentRequest:
    """One cause behind the cases of an item that nobody has."""
    return incidents_pb2.OpenIncidentRequest(title_code="PRC_UNIT", sku="of-nobody")


def an_end(incident: str) -> incidents_pb2.ProposeIncidentEndRequest:
    """How its cases end."""
    return incidents_pb2.ProposeIncidentEndRequest(
        incident_id=incident, resolution=disputes_events.RESOLUTION_INVALID_PAYABLE
    )


def a_photo(of: Belongings) -> disputes_pb2.AddEvidenceRequest:
    """Something is added to its case."""
    return disputes_pb2.AddEvidenceRequest(
        dispute_id=of.case, file_name="box.pdf", media_type="application/pdf", content=b"%PDF-1.7"
    )


# What a request says beside the ids that its fields are named for (IDS), so that it succeeds for whoever may.
IDS = {
    "account_id": "account",
    "contact_id": "contact",
    "order_id": "order",
    "invoice": "invoice",
    "invoice_id": "invoice_id",
    "document": "invoice",
    "dispute_id": "case",
    "incident_id": "incident",
    "evidence_id": "evidence",
    "hold_id": "hold",
    "uplift_id": "uplift",
    "approval_id": "standing",
    "security_id": "security",
    "review_id": "review",
    "payment_id": "payment",
    "reference": "reference",
    "about": "about",
    "message_id": "message",
    "application_id": "application",
    "document_id": "application_document",
    "decision_id": "decision",
    "question_id": "question",
    "token": "token",
    "decline_token": "decline_token",
}


def more(method: str, of: Belongings) -> list[Message | dict[str, Any]]:
    """What a method is asked beside the ids; once for each way in which it is asked."""
    request: dict[str, Message] = {
        "credit.RegisterBuyer": credit_pb2.RegisterBuyerRequest(company=office.company(of.company), limit=eur(50_000)),
        "credit.ChangeBuyer": credit_pb2.ChangeBuyerRequest(company=office.company(of.company)),
        "credit.SetLimit": credit_pb2.SetLimitRequest(limit=eur(60_000)),
        "credit.Decide": credit_pb2.DecideRequest(version=1, amount=eur(15_497)),
        "credit.Review": credit_pb2.ReviewRequest(order_id=of.referred, outcome=credit_events.OUTCOME_APPROVED),
        "credit.GetOrderCheck": credit_pb2.GetOrderCheckRequest(order_id=of.checked),
        "credit.TakeUpOrderCheck": credit_pb2.TakeUpOrderCheckRequest(order_id=of.checked),
        "credit.RecordOrderCheck": credit_pb2.RecordOrderCheckRequest(order_id=of.checked),
        "credit.RestoreFraudRule": credit_pb2.RestoreFraudRuleRequest(rule="F07"),
        "credit.PlaceHold": credit_pb2.PlaceHoldRequest(scope=party_pb2.Scope(site=f"{of.account}-site")),
        "credit.GrantUplift": an_uplift(),
        "credit.GrantStandingApproval": a_release(),
        "disputes.GrantStandingApproval": a_standing_credit(),
        "credit.SetSecurity": a_security(),
        "credit.RegisterNode": exposure_pb2.RegisterNodeRequest(
            node_id="group", kind=credit_events.NODE_KIND_GROUP, limit=eur(1_000_000)
        ),
        "credit.SetNodeLimit": exposure_pb2.SetNodeLimitRequest(node_id="group", limit=eur(2_000_000)),
        "credit.SetRates": exposure_pb2.SetRatesRequest(
            rates=[credit_events.Rate(base="EUR", quote="SEK", day="2026-01-05", rate="11.25")]
        ),
        "credit.SetPolicy": credit_pb2.SetPolicyRequest(
            policy=credit_events.CreditPolicy(referral_share="0.1", hold_days=14)
        ),
        "credit.StartApplication": applications_pb2.StartApplicationRequest(country="DE", currency="EUR"),
        "credit.AddApplicationDocument": a_document(of),
        "credit.GiveFacts": applications_pb2.GiveFactsRequest(
            facts=[applications_pb2.Fact(key="orders_a_month", value="4")]
        ),
        "credit.AppealApplication": applications_pb2.AppealApplicationRequest(
            application_id=f"{of.application}-appeal", why="Please"
        ),
        "credit.AcceptApplication": applications_pb2.AcceptApplicationRequest(
            application_id=f"{of.application}-accept"
        ),
        "credit.WithdrawApplication": applications_pb2.WithdrawApplicationRequest(
            application_id=f"{of.application}-withdraw"
        ),
        "credit.TakeUpApplication": applications_pb2.TakeUpApplicationRequest(
            application_id=f"{of.application}-take-up"
        ),
        "credit.AskForFact": applications_pb2.AskForFactRequest(application_id=f"{of.application}-ask", key="owners"),
        "credit.ConfirmAddress": applications_pb2.ConfirmAddressRequest(address=f"ap@{of.account}.example"),
        "credit.RecordCallBack": applications_pb2.RecordCallBackRequest(
            application_id=f"{of.application}-take-up",
            number="+49 30 901820",
            source_of_number=applications_pb2.NUMBER_SOURCE_REGISTER,
            spoke_with="Somebody",
            outcome=applications_pb2.CALL_BACK_OUTCOME_NOT_REACHED,
        ),
        "credit.ClearMatch": applications_pb2.ClearMatchRequest(
            application_id=f"{of.application}-take-up", list="UN", entry_id="XX.1", key="company_name"
        ),
        "credit.DecideApplication": applications_pb2.DecideApplicationRequest(
            application_id=f"{of.application}-decide", outcome=APPROVED, limit=eur(100_000)
        ),
        "credit.ConfirmApplication": applications_pb2.ConfirmApplicationRequest(
            application_id=f"{of.application}-confirm", confirmed=True
        ),
        "credit.CheckPolicyText": applications_pb2.CheckPolicyTextRequest(text=underwriting.default().text),
        "credit.ProposePolicyText": applications_pb2.ProposePolicyTextRequest(text=underwriting.default().text),
        "credit.ActivatePolicyText": applications_pb2.ActivatePolicyTextRequest(
            policy_id=underwriting.default().policy_id
        ),
        "credit.StartTrial": lab_pb2.StartTrialRequest(
            trial_id="new-trial",
            policy_id=underwriting.default().policy_id,
            source=lab_pb2.TRIAL_SOURCE_HISTORY,
            from_day="2023-01-01",
            split_day="2024-01-01",
            to_day="2024-12-31",
        ),
        "credit.GetTrial": lab_pb2.GetTrialRequest(trial_id="trial"),
        "credit.CancelTrial": lab_pb2.CancelTrialRequest(trial_id="trial"),
        "invoicing.GetSeller": invoicing_pb2.GetSellerRequest(seller_id=f"{OURS}-seller"),
        "invoicing.RegisterSeller": office.a_seller(f"{OURS}-seller"),
        "invoicing.SetContract": invoicing_pb2.SetContractRequest(
            net_days=30, invoice_on=invoicing_pb2.INVOICE_ON_SHIPMENT
        ),
        "invoicing.PlaceOrder": office.placing(
            f"{of.account}-new", ONE_LINE, account=of.account, seller=f"{OURS}-seller"
        ),
        "invoicing.ShipOrder": office.shipping(of.open_order, account=of.account, quantities=(("1", "1"),)),
        "invoicing.ConfirmReceipt": invoicing_pb2.ConfirmReceiptRequest(order_id=of.open_order),
        "invoicing.CancelOrder": invoicing_pb2.CancelOrderRequest(order_id=of.open_order, version=1),
        "invoicing.GetAsset": invoicing_pb2.GetAssetRequest(asset_id=of.asset),
        "ledger.RecordPayment": a_payment(of, of.payment),
        "ledger.AnnouncePayment": an_announcement(of),
        "ledger.ImportBankStatement": ledger_pb2.ImportBankStatementRequest(
            content=f"reference,account,value_date,amount,currency,remittance\n{of.payment},{of.account},2026-03-02,1.00,EUR,".encode()
        ),
        "disputes.Open": a_case(of),
        "disputes.Resolve": disputes_pb2.ResolveRequest(
            dispute_id=of.proposed, resolution=disputes_events.RESOLUTION_FULL_CREDIT
        ),
        "disputes.Assign": disputes_pb2.AssignRequest(owner="user:lea"),
        "disputes.Recode": disputes_pb2.RecodeRequest(dispute_id=of.careful, reason_code="QLT_DAMAGE"),
        "disputes.Merge": disputes_pb2.MergeRequest(dispute_id=of.twin, into=of.case),
        "disputes.SetCell": disputes_pb2.SetCellRequest(dispute_id=of.careful, cell=a_cell()),
        "disputes.Split": disputes_pb2.SplitRequest(
            dispute_id=of.lined, lines=[disputes_events.DisputedLine(line_id="1", quantity="0.02")]
        ),
        "disputes.SetPolicy": disputes_pb2.SetPolicyRequest(
            policy=disputes_events.DisputePolicy(window_days=90, answer_days=5, customer_days=5, reopen_days=30)
        ),
        "disputes.ReadResponse": responses_pb2.ReadResponseRequest(
            content=responses.write(said("AB", invoice_number=of.invoice))
        ),
        "disputes.OpenIncident": an_incident(),
        "disputes.MoveIncident": incidents_pb2.MoveIncidentRequest(progress=disputes_events.INCIDENT_PROGRESS_MENDING),
        "disputes.ProposeIncidentEnd": an_end(of.incident),
        "disputes.ApproveIncidentEnd": incidents_pb2.ApproveIncidentEndRequest(incident_id=of.ending),
        "disputes.Preview": disputes_pb2.PreviewRequest(reason_code="PRC_DISC"),
        "disputes.AddEvidence": a_photo(of),
        "disputes.GetMove": disputes_pb2.GetMoveRequest(nth=1),
        "notifications.RegisterContact": a_contact(of),
        "notifications.ChangeContact": notifications_pb2.ChangeContactRequest(language="en"),
        "notifications.FindContacts": notifications_pb2.FindContactsRequest(email=f"{of.contact}@buyer.example"),
        "notifications.SendLink": notifications_pb2.SendLinkRequest(
            kind=notifications_pb2.LINK_KIND_SIGN_IN, url="https://portal.example/in", minutes=10
        ),
        "notifications.SendNotice": notifications_pb2.SendNoticeRequest(
            kind=notifications_pb2.NOTICE_KIND_ORDER_APPROVED,
            url="https://portal.example/orders",
            by="contact:ann",
            amount=eur(100),
        ),
        "notifications.ListLetters": letters_pb2.ListLettersRequest(language="en"),
        "notifications.PreviewLetter": letters_pb2.PreviewLetterRequest(kind="digest", language="en"),
        "notifications.AddMessage": notifications_pb2.AddMessageRequest(text="Hello"),
        "notifications.AddNote": notifications_pb2.AddNoteRequest(text="Hello"),
        "notifications.MarkRead": notifications_pb2.MarkReadRequest(nth=1),
        "notifications.AnswerFirstStep": notifications_pb2.AnswerFirstStepRequest(code="SAMPLE", answer="ACCEPTED"),
        "notifications.CloseFirstStep": notifications_pb2.CloseFirstStepRequest(code="COLLEAGUES"),
        "notifications.AnswerQuestion": feedback_pb2.AnswerQuestionRequest(value=2),
        "notifications.CloseAction": feedback_pb2.CloseActionRequest(cause="DELIVERY", said="Sent again."),
        "notifications.EraseContact": notifications_pb2.EraseContactRequest(contact_id=of.leaver),
        "notifications.Succeed": notifications_pb2.SucceedRequest(contact_id=of.leaver, successor_id=of.contact),
        "notifications.SetPicture": notifications_pb2.SetPictureRequest(contact_id=CLERK, content=PICTURE),
        "notifications.GetPicture": notifications_pb2.GetPictureRequest(picture="face"),
        "notifications.SetPolicy": notifications_pb2.SetPolicyRequest(
            policy=notifications_events.NotificationPolicy(digest_at="16:00")
        ),
    }
    if method == "operations.SetClock":
        request[method] = operations_pb2.SetClockRequest(at=Timestamp(seconds=int(MONDAY.timestamp()) + 60))
    if method == "invoicing.ListOrders":
        return [{}, invoicing_pb2.ListOrdersRequest(asset_id=of.asset)]
    if method == "disputes.Move":
        actions = (disputes_pb2.ACTION_REVIEW, disputes_pb2.ACTION_WITHDRAW)
        return [disputes_pb2.MoveRequest(action=action) for action in actions]
    return [request.get(method, {})]
