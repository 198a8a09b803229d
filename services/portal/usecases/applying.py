"""How a company that is nobody's yet applies for credit: by a link, until it has its account and its first person.

Colleagues are asked for single facts by links of their own (RULES: Applying).
"""

from collections.abc import Sequence
from typing import Any

from babel.numbers import get_territory_currencies
from email_validator import EmailNotValidError, validate_email
from receivables.credit.v1 import applications_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.jobs import Job
from services.chassis.workers import Batch, Work
from services.kernel.countries import check_country
from services.kernel.money import exponent
from services.kernel.refusals import Conflict, Invalid, NotFound, Refusal
from services.portal import store
from services.portal.asks import Unknown, Write
from services.portal.domain.gaps import name_of
from services.portal.store import EMAIL_VERIFIED, Applicant, Host
from services.portal.usecases.door import Door, hash_of, new_secret, origin_of, own_word
from services.portal.usecases.signing_in import LINK, TOO_OFTEN, check_pace

APPLICATION_LINK, WELCOME = "application_link", "welcome"  # kinds of jobs
COLLEAGUES_MOST = 10  # of an application
FILES = (30, 1 / 60)  # of one applicant: so many at once, and one more each so many seconds
# What whoever applied is once the company has its account.
FIRST_ROLES = ("ACCOUNT_ADMIN", "FINANCE_LEAD")
_MINUTES = store.APPLICANT_DAYS * 24 * 60
_ID_CHARACTERS = 32


async def ask_to_apply(door: Door, host: Host, address: str, country: str, *, network: str, language: str) -> None:
    """Mail a link to an application to an address: the same whoever has it, slowed down as links to come in are."""
    address = address_of(address)
    check_country(country)
    async with door.database.transaction([host.tenant]) as tx:
        await check_pace(door, tx, host.tenant, address, network)
        await _send_link(tx, host.tenant, await store.apply(tx, host.tenant, address, country, language))


def address_of(text: str) -> str:
    """An address of mail, in lower case; refuse what is none."""
    try:
        found = validate_email(text.strip(), check_deliverability=False).ascii_email
    except EmailNotValidError:
        found = None
    if not found:
        raise Invalid("sign_in.no_address", "that is no address of mail")
    return found.lower()


async def _send_link(tx: Tx, tenant: str, applicant_id: str) -> None:
    await jobs.add(tx, [Job(APPLICATION_LINK, f"applicant/{applicant_id}", own_word(tenant))])


async def ask_colleague(
    door: Door,
    host: Host,
    write: Write,
    *,
    application_id: str,
    address: str,
    keys: Sequence[str],
    by: str,
    network: str,
    language: str,
) -> None:
    """Mail somebody a link that opens these facts of an application and nothing else of it; once for each form."""
    address, tenant = address_of(address), host.tenant
    if not keys:
        raise Invalid("apply.no_facts", "choose what you ask for")
    applicant_id = door.keyed("colleague", tenant, write.key).hex()[:_ID_CHARACTERS]
    asked = Applicant(applicant_id, application_id, address, "", language, keys, by)
    async with door.database.transaction([tenant]) as tx:
        if not await store.ask_colleague(tx, tenant, asked):
            return
        if await store.count_colleagues(tx, tenant, application_id) > COLLEAGUES_MOST:
            raise Conflict("apply.too_many_colleagues", f"at most {COLLEAGUES_MOST} colleagues are asked")
        await check_pace(door, tx, tenant, address, network)
        await _send_link(tx, tenant, applicant_id)


async def ask_reader(door: Door, host: Host, application: Any, *, network: str, language: str) -> str:
    """Mail a link to the address of an application, by which whoever reads it confirms that; return the address.

    The same of an address that is known by itself: "" where the application has none.
    """
    if not (address := contact_email(application)):
        return ""
    address, tenant, application_id = address_of(address), host.tenant, application.application_id
    applicant_id = door.keyed("reader", tenant, application_id, address).hex()[:_ID_CHARACTERS]
    asked = Applicant(applicant_id, application_id, address, "", language, [EMAIL_VERIFIED], "")
    async with door.database.transaction([tenant]) as tx:
        if await store.ask_colleague(tx, tenant, asked) and (
            await store.count_colleagues(tx, tenant, application_id) > COLLEAGUES_MOST
        ):
            raise Conflict("apply.too_many_colleagues", f"at most {COLLEAGUES_MOST} colleagues are asked")
        await check_pace(door, tx, tenant, address, network)
        await _send_link(tx, tenant, applicant_id)
    return address


async def confirm_address(door: Door, tenant: str, application_id: str, address: str, subject: str) -> None:
    """Somebody came by what was mailed to an address: they read mail there."""
    request = applications_pb2.ConfirmAddressRequest(application_id=application_id, address=address, given_by=subject)
    await door.asks.own(tenant).applications("ConfirmAddress", request, Write(new_secret()))


def contact_email(application: Any) -> str:
    """The address of mail that stands in an application, as far as the reader sees it; "" where there is none."""
    return next((str(fact.value) for fact in application.facts if fact.key == "contact_email"), "")


async def applicant_of(door: Door, tenant: str, token: str) -> Applicant:
    """Whom a link lets in; raises NotFound where it is unknown, over, or another took its place: which, nobody is told."""
    async with door.database.transaction([tenant], within=2.0) as tx:
        found = await store.applicant_by_link(tx, tenant, hash_of(token))
    if found is None:
        raise NotFound("apply.link_unknown", "this link is not good any more")
    return found


async def count_file(door: Door, tenant: str, applicant: Applicant) -> None:
    """Count a file of somebody's who is not signed in; refuse what comes too often."""
    size, leaks_per_s = FILES
    async with door.database.transaction([tenant]) as tx:
        bucket = door.keyed("file", applicant.applicant_id)
        if not await store.pour(tx, tenant, bucket, size=size, leaks_per_s=leaks_per_s):
            raise TOO_OFTEN


async def start(door: Door, tenant: str, applicant: Applicant, write: Write) -> None:
    """Open the application of whoever applies; the address at which they got the link is the first that is known."""
    own = door.asks.own(tenant)
    request = applications_pb2.StartApplicationRequest(
        application_id=applicant.application_id, country=applicant.country, currency=currency_of(applicant.country)
    )
    await own.applications("StartApplication", request, write)
    given = applications_pb2.GiveFactsRequest(
        application_id=applicant.application_id,
        facts=[applications_pb2.Fact(key="contact_email", value=applicant.address)],
        given_by=applicant.subject,
    )
    await own.applications("GiveFacts", given, Write(f"{write.key} address"))
    await confirm_address(door, tenant, applicant.application_id, applicant.address, applicant.subject)


def currency_of(country: str) -> str:
    """In which a company of a country buys."""
    for currency in get_territory_currencies(country):
        try:
            exponent(currency)
        except Refusal:
            continue
        return str(currency)
    return "EUR"


async def apply_anew(door: Door, tenant: str, applicant: Applicant) -> None:
    """What was applied for has ended: the same link leads to another application."""
    async with door.database.transaction([tenant]) as tx:
        await store.apply_anew(tx, tenant, applicant)


async def welcome(door: Door, tenant: str, applicant: Applicant) -> None:
    """Whoever applied for a company that has its account from now on is its first person, and is mailed the way in."""
    async with door.database.transaction([tenant]) as tx:
        await _welcome(tx, tenant, applicant)


async def welcome_again(door: Door, tenant: str, applicant: Applicant, *, network: str) -> None:
    """Mail them the way in once more, not too often."""
    async with door.database.transaction([tenant]) as tx:
        await check_pace(door, tx, tenant, applicant.applicant_id, network)
        await _welcome(tx, tenant, applicant)


async def _welcome(tx: Tx, tenant: str, applicant: Applicant) -> None:
    await jobs.add(tx, [Job(WELCOME, f"applicant/{applicant.applicant_id}", own_word(tenant))])


def applying(door: Door) -> tuple[Work, ...]:
    """What nobody waits for: mails with links, and the first person of an account."""

    async def link(batch: Batch) -> None:
        for job in batch.jobs:
            await _mail(door, job)
        async with batch.finishing():
            pass

    async def greet(batch: Batch) -> None:
        for job in batch.jobs:
            await _greet(door, job)
        async with batch.finishing():
            pass

    return (Work(APPLICATION_LINK, link, most=20), Work(WELCOME, greet, most=20))


async def _mail(door: Door, job: Job) -> None:
    """Mail a link; sent again after a crash it is another, and the first is void."""
    token = new_secret()
    async with door.database.transaction([job.tenant]) as tx:
        applicant = await store.link_applicant(tx, job.tenant, _id_of(job), hash_of(token))
        hosts = await store.hosts(tx)
    if applicant is None or not hosts:
        return
    request = notifications_pb2.SendLinkRequest(
        kind=_kind_of(applicant),
        address=applicant.address,
        language=applicant.language,
        url=f"{origin_of(hosts[0].host)}/apply/{token}",
        minutes=_MINUTES,
        invited_by=applicant.invited_by,
    )
    await door.asks.own(job.tenant).notifications(
        "SendLink", request, Write(f"{job.subject} {hash_of(token).hex()[:16]}")
    )


def _kind_of(applicant: Applicant) -> notifications_pb2.LinkKind.ValueType:
    if applicant.is_reader:
        return notifications_pb2.LINK_KIND_ADDRESS
    return notifications_pb2.LINK_KIND_FACTS if applicant.keys else notifications_pb2.LINK_KIND_APPLICATION


async def _greet(door: Door, job: Job) -> None:
    """Register whoever applied as the first person of the company's account, and invite them."""
    own, applicant_id = door.asks.own(job.tenant), _id_of(job)
    async with door.database.transaction([job.tenant]) as tx:
        applicant = await store.find_applicant(tx, job.tenant, applicant_id)
    if applicant is None or applicant.keys:
        return
    if applicant.address:
        try:
            asked = applications_pb2.GetApplicationRequest(application_id=applicant.application_id)
            application = (await own.applications("GetApplication", asked)).application
        except Unknown:
            return
        if application.state != applications_pb2.APPLICATION_STATE_ACCEPTED:
            return
        person = notifications_pb2.RegisterContactRequest(
            contact_id=applicant_id,
            account_id=application.account_id,
            name=name_of(applicant.address),
            email=applicant.address,
            roles=FIRST_ROLES,
            language=applicant.language,
        )
        await own.notifications("RegisterContact", person, Write(f"welcome {applicant_id}"))
    async with door.database.transaction([job.tenant]) as tx:
        link_id = door.keyed("welcome", job.tenant, applicant_id, job.origin.traceparent).hex()[:_ID_CHARACTERS]
        if await store.invite(tx, job.tenant, link_id, applicant_id, ""):
            await jobs.add(tx, [Job(LINK, f"link/{link_id}", own_word(job.tenant))])
        await store.become_contact(tx, job.tenant, applicant_id)


def _id_of(job: Job) -> str:
    return job.subject.removeprefix("applicant/")
