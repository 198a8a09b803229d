"""Companies as facts, and facts as the company of an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from receivables.common.v1 import party_pb2

from services.chassis import bounds
from services.chassis.database import Tx
from services.credit import store
from services.credit.domain.facts import Fact, Known
from services.kernel.refusals import Conflict, NotFound, quoted

REGISTER = "account"  # the provenance of what the account's own register says


@dataclass(frozen=True, slots=True)
class Registered:
    """A company that has an account: where it is, and in which currency its limit is."""

    country: str
    currency: str


async def told_of_company(tx: Tx, tenant: str, account_id: str) -> tuple[Registered, list[Fact]]:
    """What the register of accounts knows of a company, as facts."""
    if (row := await store.get_account(tx, (tenant, account_id))) is None:
        raise NotFound("buyer.unknown", f"no account {quoted(account_id)}")
    company = party_pb2.Company.FromString(bytes(row.company))
    address = company.address
    known = {
        "company_name": company.name,
        "vat_id": company.vat_id,
        "register_number": company.legal_id,
        "street": address.street,
        "city": address.city,
        "post_code": address.post_code,
        "region": address.region,
    }
    told = [Fact(key, value, REGISTER, "service:credit", tx.at) for key, value in known.items() if value]
    return Registered(address.country, row.currency), told


def company_of(known: Mapping[str, Known], country: str, *, at: datetime) -> party_pb2.Company:
    """The company of a new account, as a document can name it; refuse one that has no name."""

    def said(key: str) -> str:
        fact = known[key].counts(at) if key in known else None
        return " ".join(fact.value.split()) if fact is not None else ""

    if not (name := said("company_name")):
        raise Conflict("application.incomplete", "an account needs the company's name")
    company = party_pb2.Company(
        name=name,
        vat_id=said("vat_id"),
        legal_id=said("register_number"),
        address=party_pb2.Address(
            street=said("street"),
            city=said("city"),
            post_code=said("post_code"),
            region=said("region") or said("register_state"),
            country=country,
        ),
    )
    return bounds.cleaned(company)
