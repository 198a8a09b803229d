"""Sellers, buyers and people are registered at the desk: by form, or many at once by a file, each line by itself."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.responses import Response
from google.protobuf.message import Message
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal
from services.portal import usecases
from services.portal.asks import Away, Refused, Unknown, Write, together
from services.portal.domain import registers
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES, Guard
from services.portal.domain.registers import BUYER, CONTACT, Line
from services.portal.looks import LANGUAGES
from services.portal.web import Ask, csv_of, get, post

READS = Guard(frozenset({"SELLER_ADMIN", "SALES", "CREDIT"}))
BUYERS = Guard(frozenset({"SELLER_ADMIN", "SALES", "CREDIT"}), assurance=2, step_up=True)  # with their limits
CHANGES = Guard(frozenset({"SELLER_ADMIN", "SALES", "CREDIT", "BILLING"}))
PEOPLE = Guard(frozenset({"SELLER_ADMIN", "SALES"}), assurance=2, step_up=True)
SELLER = Guard(frozenset({"SELLER_ADMIN"}), assurance=2, step_up=True)
INVOICE_ON = {
    "": invoicing_pb2.INVOICE_ON_SHIPMENT,
    "shipment": invoicing_pb2.INVOICE_ON_SHIPMENT,
    "approval": invoicing_pb2.INVOICE_ON_APPROVAL,
}
# Where what is agreed may not be said by whoever registers: billing does.
_AGREED = ("net_days", "invoice_on", "buyer_reference", "profile", "format", "language")
_OF_SELLER = (
    "seller_id iban bic series_prefix time_zone contact_name contact_phone contact_email account_number routing_number"
    " language holidays opens_at closes_at"
).split()
_SELLERS = 100  # of which the form's page names one to choose
_ID_CHARACTERS = 24  # of what is made here, 96 bits
_AT_ONCE = 4  # lines of a file that are under way
Said = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a line."""

    nth: int
    what: str
    # "registered" or "refused".
    outcome: str
    why: str = ""


@get("/desk/register", READS)
async def register(ask: Ask) -> Response:
    """What can be registered here."""
    return ask.show("desk_register.html")


@get("/desk/register/buyer", BUYERS)
async def new_buyer(ask: Ask) -> Response:
    """A form for a buyer, its limit, and what was agreed."""
    return _show_buyer(ask, ask.query)


def _show_buyer(ask: Ask, typed: Said, status: int = 200, **more: Any) -> Response:
    may_agree = ask.may("invoicing", "SetContract")
    shown: dict[str, Any] = {"existing": "", "unsure": False, "errors": {}, "refused": ""} | more
    return ask.show("desk_buyer.html", status, typed=typed, may_agree=may_agree, languages=("", *LANGUAGES), **shown)


@post("/desk/register/buyer", BUYERS)
async def add_buyer(ask: Ask) -> Response:
    """Open an account, and set what was agreed."""
    try:
        currency = ask.typed("currency").upper()
        await _register_buyer(ask, ask.typed, ask.amount("limit", currency), ask.write_also("contract"))
    except (Refused, Refusal) as refused:
        return _show_buyer(ask, ask.typed, 422, errors=_beside(ask, refused, BUYER), refused=ask.refused(refused))
    return ask.go(f"/desk/accounts/{ask.typed('account')}")


async def _register_buyer(ask: Ask, said: Said, limit: Money, contract_write: Write) -> str:
    """Register a buyer, once whoever sends the same; return what is left to do, in words, or ""."""
    contract = _contract(said)
    request = credit_pb2.RegisterBuyerRequest(
        account_id=said("account"),
        company=_company(said),
        limit=money_pb2.Money(minor=limit.minor, currency=limit.currency),
    )
    await ask.of.credit("RegisterBuyer", request, ask.write_of(_key("buyer", request)))
    if ask.may("invoicing", "SetContract"):
        await ask.of.invoicing("SetContract", contract, contract_write)
    elif any(said(name) for name in _AGREED):
        return ask.words.say("What was agreed is left for billing to set.")
    return ""


def _key(what: str, request: Message) -> str:
    return f"{what} {hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()}"


def _company(said: Said) -> party_pb2.Company:
    return party_pb2.Company(
        name=said("name"),
        vat_id=said("vat_id"),
        legal_id=said("legal_id"),
        address=party_pb2.Address(
            street=said("street"),
            city=said("city"),
            post_code=said("post_code"),
            region=said("region"),
            country=said("country").upper(),
        ),
        electronic_address=said("electronic_address"),
        electronic_address_scheme=said("electronic_address_scheme"),
    )


def _contract(said: Said) -> invoicing_pb2.SetContractRequest:
    when = INVOICE_ON.get(said("invoice_on").casefold())
    if when is None:
        raise Invalid("line.invoice_on", "invoice_on is shipment or approval")
    return invoicing_pb2.SetContractRequest(
        account_id=said("account"),
        net_days=registers.net_days(said("net_days")),
        invoice_on=when,
        buyer_reference=said("buyer_reference"),
        profile=said("profile"),
        format=said("format"),
        language=said("language"),
    )


def _beside(ask: Ask, refused: Refused | Refusal, names: Sequence[str]) -> dict[str, str]:
    """A refusal beside the field that its code or its words name; else above the form alone."""
    words = ask.refused(refused)
    if refused.code in ("form.no_amount", "typed.no_number", "typed.too_fine", "buyer.limit_negative"):
        return {"limit": words}
    if refused.code in ("buyer.exists", "buyer.account_id"):
        return {"account": words}
    said = f"{refused.code} {refused}"
    return next(({name: words} for name in sorted(names, key=len, reverse=True) if name in said), {})


@get("/desk/accounts/{account}/company", CHANGES)
async def company(ask: Ask) -> Response:
    """The form for a buyer that is registered, with what is known of it."""
    account = ask.path("account")
    found = await together(
        line=ask.of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account)),
        contract=ask.of.invoicing("GetContract", invoicing_pb2.GetContractRequest(account_id=account)),
    )
    if found["line"] is False:
        raise Unknown
    if found["line"] is None:
        raise Away("credit")
    known = _known(found["line"].account, found["contract"])
    return _show_buyer(ask, lambda name: known.get(name, ""), existing=account, unsure=found["contract"] is None)


def _known(account: Any, contract: Any) -> dict[str, str]:
    said, address = account.company, account.company.address
    known = {name: getattr(said, name) for name in BUYER if name in said.DESCRIPTOR.fields_by_name}
    known |= {name: getattr(address, name) for name in BUYER if name in address.DESCRIPTOR.fields_by_name}
    if contract:
        agreed = contract.contract
        on_approval = agreed.invoice_on == invoicing_pb2.INVOICE_ON_APPROVAL
        known |= {name: str(getattr(agreed, name)) for name in _AGREED}
        known["invoice_on"] = "approval" if on_approval else "shipment"
    return known


@post("/desk/accounts/{account}/company", CHANGES)
async def change_company(ask: Ask) -> Response:
    """Replace a company's data, and what was agreed with it where the form has that."""
    account = ask.path("account")

    def said(name: str) -> str:
        return account if name == "account" else ask.typed(name)

    try:
        contract = _contract(said)
        request = credit_pb2.ChangeBuyerRequest(account_id=account, company=_company(said))
        await ask.of.credit("ChangeBuyer", request, ask.write())
        if ask.typed("agreed") and ask.may("invoicing", "SetContract"):
            await ask.of.invoicing("SetContract", contract, ask.write_also("contract"))
    except (Refused, Refusal) as refused:
        errors = _beside(ask, refused, BUYER)
        return _show_buyer(ask, ask.typed, 422, existing=account, errors=errors, refused=ask.refused(refused))
    return ask.go(f"/desk/accounts/{account}")


@get("/desk/register/contact", PEOPLE)
async def new_contact(ask: Ask) -> Response:
    """A form for a person of a buyer, or of ours."""
    return _show_contact(ask, ask.query, [])


def _show_contact(ask: Ask, typed: Said, chosen: Sequence[str], status: int = 200, **more: Any) -> Response:
    shown: dict[str, Any] = {"errors": {}, "refused": ""} | more
    sides = [BUYER_ROLES] if "SELLER_ADMIN" not in ask.person.roles else [BUYER_ROLES, SELLER_ROLES]
    return ask.show(
        "desk_contact.html",
        status,
        typed=typed,
        chosen=chosen,
        sides=[sorted(side) for side in sides],
        languages=LANGUAGES,
        **shown,
    )


@post("/desk/register/contact", PEOPLE)
async def add_contact(ask: Ask) -> Response:
    """Register a person, or what changed of one; invite them, if that is wanted."""
    roles = ask.typed_all("role")
    try:
        contact_id = await _register_contact(ask, ask.typed, roles, ask.write())
    except (Refused, Refusal) as refused:
        errors = _beside(ask, refused, (*CONTACT, "role"))
        return _show_contact(ask, ask.typed, roles, 422, errors=errors, refused=ask.refused(refused))
    if ask.typed("invite"):
        link_id = ask.door.keyed("invitation", ask.person.tenant, ask.write().key).hex()[:_ID_CHARACTERS]
        async with ask.door.database.transaction([ask.person.tenant]) as tx:
            await usecases.invite(tx, ask.person, contact_id, link_id)
    account = ask.typed("account")
    return ask.go(f"/desk/accounts/{account}" if account else "/desk/register")


async def _register_contact(ask: Ask, said: Said, roles: Sequence[str], write: Write) -> str:
    """Register a person by account and address: whoever has both already is changed; return the id."""
    email, account = said("email"), said("account")
    if "@" not in email:
        raise Invalid("contact.email_malformed", "email is no address of mail")
    if account:
        await _check_account(ask, account)
    own = ask.door.asks.own(ask.person.tenant)
    found = await own.notifications("FindContacts", notifications_pb2.FindContactsRequest(email=email))
    known = next((contact.contact_id for contact in found.contacts if contact.account_id == account), "")
    contact_id = (
        known or f"c{ask.door.keyed('contact', ask.person.tenant, account, email.casefold()).hex()[:_ID_CHARACTERS]}"
    )
    request = notifications_pb2.RegisterContactRequest(
        contact_id=contact_id,
        account_id=account,
        name=said("name") or _name_of(email),
        email=email,
        roles=[role.strip().upper() for role in roles if role.strip()],
        scope=party_pb2.Scope(
            site=said("site"), cost_centre=said("cost_centre"), purchase_order=said("purchase_order")
        ),
        language=said("language") or "en",
        wants_document=registers.yes(said("wants_document")),
    )
    await ask.of.notifications("RegisterContact", request, write)
    return contact_id


async def _check_account(ask: Ask, account: str) -> None:
    try:
        await ask.of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account))
    except Unknown:
        raise Invalid("account.unknown", "there is no such account") from None


def _name_of(email: str) -> str:
    return " ".join(email.partition("@")[0].replace(".", " ").replace("_", " ").split()).title()


@get("/desk/register/seller", SELLER)
async def new_seller(ask: Ask) -> Response:
    """A form for a legal entity that issues invoices: of the only one, or of that which is named, as it is today."""
    request = invoicing_pb2.ListSellersRequest(page_size=_SELLERS, page_token=ask.query("after"))
    found = await ask.of.invoicing("ListSellers", request)
    only = found.sellers[0].seller_id if len(found.sellers) == 1 and not ask.query("after") else ""
    chosen = ask.query("seller_id") or ("" if ask.query("new") else only)
    known: dict[str, str] = {}
    if chosen:
        shown = await ask.of.invoicing("GetSeller", invoicing_pb2.GetSellerRequest(seller_id=chosen[:64]))
        known = _said_of(shown.seller)
    return _show_seller(ask, lambda name: known.get(name, ""), sellers=found.sellers, next_token=found.next_page_token)


def _show_seller(ask: Ask, typed: Said, status: int = 200, **more: Any) -> Response:
    shown: dict[str, Any] = {"refused": "", "errors": {}, "sellers": (), "next_token": ""} | more
    return ask.show("desk_seller.html", status, typed=typed, languages=LANGUAGES, **shown)


def _said_of(seller: Any) -> dict[str, str]:
    company, address = seller.company, seller.company.address
    return {
        **{name: getattr(seller, name) for name in _OF_SELLER},
        **{name: getattr(company, name) for name in BUYER if name in company.DESCRIPTOR.fields_by_name},
        **{name: getattr(address, name) for name in BUYER if name in address.DESCRIPTOR.fields_by_name},
    }


@post("/desk/register/seller", SELLER)
async def add_seller(ask: Ask) -> Response:
    """Register a legal entity, or all that changed of it; what the form does not have stays as it is."""
    said = ask.typed
    given: dict[str, Any] = {name: said(name) for name in _OF_SELLER}
    try:
        known = await ask.of.invoicing("GetSeller", invoicing_pb2.GetSellerRequest(seller_id=said("seller_id")[:64]))
        given |= {"logo_svg": known.seller.logo_svg, "other_rates": known.seller.other_rates}
    except Unknown:
        pass
    request = invoicing_pb2.RegisterSellerRequest(company=_company(said), **given)
    try:
        await ask.of.invoicing("RegisterSeller", request, ask.write())
    except Refused as refused:
        errors = _beside(ask, refused, (*_OF_SELLER, *BUYER))
        return _show_seller(ask, said, 422, refused=ask.refused(refused), errors=errors)
    return ask.go("/desk/register", done=said("seller_id"))


@get("/desk/register/buyers", BUYERS)
async def buyers_file(ask: Ask) -> Response:
    """Where a file of buyers is given."""
    return _show_file(ask, "buyers")


@get("/desk/register/people", PEOPLE)
async def people_file(ask: Ask) -> Response:
    """Where a file of people is given."""
    return _show_file(ask, "people")


@get("/desk/register/buyers.csv", BUYERS)
async def buyers_sample(_ask: Ask) -> Response:
    """A file of buyers to begin with."""
    return csv_of(BUYER, [], "buyers.csv")


@get("/desk/register/people.csv", PEOPLE)
async def people_sample(_ask: Ask) -> Response:
    """A file of people to begin with."""
    return csv_of(CONTACT, [], "people.csv")


@post("/desk/register/buyers", BUYERS)
async def add_buyers(ask: Ask) -> Response:
    """Register the buyers of a file, each by itself; the same file again registers nobody twice."""

    async def add(line: Line) -> str:
        limit = Money.of(
            registers.plain_amount(line, "limit", line.get("currency").upper()), line.get("currency").upper()
        )
        return await _register_buyer(ask, line.get, limit, ask.write_also(f"line {line.nth}"))

    return await _file(ask, "buyers", BUYER, "account", add)


@post("/desk/register/people", PEOPLE)
async def add_people(ask: Ask) -> Response:
    """Register the people of a file, each by itself; who is there already is changed to what the file says."""

    async def add(line: Line) -> str:
        roles = line.get("roles").replace(",", " ").split()
        await _register_contact(ask, line.get, roles, ask.write_also(f"line {line.nth}"))
        return ""

    return await _file(ask, "people", CONTACT, "email", add)


async def _file(
    ask: Ask, kind: str, names: tuple[str, ...], called: str, add: Callable[[Line], Awaitable[str]]
) -> Response:
    file = ask.file("file")
    content = await file.read(registers.FILE_MAX + 1) if file else b""
    try:
        lines = registers.read(content, names)
    except Refusal as refused:
        return _show_file(ask, kind, 422, errors={"file": ask.refused(refused)})
    under_way = asyncio.Semaphore(_AT_ONCE)

    async def one(line: Line) -> Told:
        async with under_way:
            try:
                if line.refusal is not None:
                    raise line.refusal
                return Told(line.nth, line.get(called), "registered", await add(line))
            except (Refused, Refusal) as refused:
                return Told(line.nth, line.get(called), "refused", ask.refused(refused))
            except Unknown:
                return Told(line.nth, line.get(called), "refused", ask.words.say("There is no such account."))
            except Away:
                return Told(line.nth, line.get(called), "refused", ask.words.say("No answer just now: send it again."))

    told = await asyncio.gather(*(one(line) for line in lines))
    return _show_file(ask, kind, told=told)


def _show_file(ask: Ask, kind: str, status: int = 200, told: Sequence[Told] = (), **more: Any) -> Response:
    names = BUYER if kind == "buyers" else CONTACT
    return ask.show(
        "desk_file.html",
        status,
        kind=kind,
        told=sorted(told, key=lambda one: (one.outcome != "refused", one.nth)),
        refused=sum(one.outcome == "refused" for one in told),
        names=names,
        needed=sorted(registers.NEEDED[names]),
        most=registers.LINES_MAX,
        **more,
    )
