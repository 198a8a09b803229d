"""Mail under trouble: a server that refuses, puts off, says nothing, or hangs up in the middle of a letter."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.processes import free_port
from services.notifications import sending, smtp
from tests.integration.notifications.office import Office, OpenOffice
from tests.integration.notifications.test_notifications_links import send_link
from tests.unit.notifications.samples import invoice, order_refused

TO_ADDRESSEE = {"later": "451 4.7.1 come again", "never": "550 5.1.1 no such user"}
TO_CONTENT = {"full": "452 4.2.2 mailbox full", "spam": "554 5.7.1 not wanted"}


@dataclass
class Troubled:
    """What becomes of a mail says the beginning of its addressee, as long as there is trouble."""

    trouble: bool = True
    # Each time that an addressee was named, in order.
    tried: list[str] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)

    def meets(self, address: str, *kinds: str) -> str:
        return next((kind for kind in kinds if self.trouble and address.startswith(kind)), "")

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.tried.append(_who(address))
        if kind := self.meets(address, *TO_ADDRESSEE):
            return TO_ADDRESSEE[kind]
        if self.meets(address, "hang"):
            await asyncio.Event().wait()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        [address] = envelope.rcpt_tos
        if kind := self.meets(address, *TO_CONTENT):
            return TO_CONTENT[kind]
        self.taken[_who(address)] += 1
        return "250 OK"


class Dropping(SMTP):
    """Hangs up over some in the middle of their letter."""

    async def smtp_DATA(self, arg: str) -> None:
        assert self.envelope is not None
        [address] = self.envelope.rcpt_tos
        if not self.event_handler.meets(address, "drop"):
            await super().smtp_DATA(arg)
            return
        await self.push("354 go on")
        await self._reader.readline()
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.abort()


class Desk(Controller):
    def factory(self) -> SMTP:
        return Dropping(self.handler)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """We wait for a silent server a twentieth of what we would."""
    monkeypatch.setattr(smtp, "STEP_S", smtp.STEP_S / 20)
    monkeypatch.setattr(sending, "HAND_OVER_S", sending.HAND_OVER_S / 20)


@pytest.fixture
def troubled() -> Iterator[tuple[Troubled, int]]:
    """A mail server in trouble."""
    handler = Troubled()
    desk = Desk(handler, hostname="127.0.0.1", port=free_port())
    desk.start()
    yield handler, desk.port
    desk.stop()


def _who(address: str) -> str:
    return address.partition("@")[0]


async def _states(office: Office) -> dict[str, str]:
    return {row.contact_id: row.state for row in await office.rows("SELECT contact_id, state FROM mail")}


@pytest.mark.usefixtures("impatient")
async def test_each_mail_meets_its_own_trouble_and_nobody_elses(
    open_office: OpenOffice, troubled: tuple[Troubled, int]
):
    server, port = troubled
    people = ("drop", "full", "good1", "hang", "later", "never", "spam", "zgood2")
    async with open_office(smtp_port=port) as office:
        for name in people:
            await office.register(name, "AP_CLERK")
        await office.follow(invoice())

        while await office.send_once():
            pass

        states = await _states(office)
        assert {states[name] for name in ("good1", "zgood2")} == {"ACCEPTED"}
        assert {states[name] for name in ("never", "spam")} == {"HARD_BOUNCED"}
        assert {states[name] for name in ("drop", "full", "hang", "later")} == {"SOFT_BOUNCED"}

        server.trouble = False
        await office.forget_jobs_pauses()
        await office.send()

        states = await _states(office)
        assert {states[name] for name in people if name not in ("never", "spam")} == {"ACCEPTED"}
        assert {server.taken[name] for name in people if name not in ("never", "spam")} == {1}


@pytest.mark.parametrize("kind", ["later", "never", "full", "spam", "drop"])
async def test_forty_bad_addressees_before_a_good_one_do_not_keep_its_mail(
    open_office: OpenOffice, troubled: tuple[Troubled, int], kind: str
):
    server, port = troubled
    async with open_office(smtp_port=port) as office:
        await forty_and_a_good_one(office, kind)

        await office.send_once()

        assert server.taken["zgood"] == 1
        assert (await _states(office))["zgood"] == "ACCEPTED"


@pytest.mark.usefixtures("impatient")
async def test_a_good_one_behind_forty_over_whom_the_server_says_nothing_is_tried_before_any_of_them_is_again(
    open_office: OpenOffice, troubled: tuple[Troubled, int]
):
    server, port = troubled
    async with open_office(smtp_port=port) as office:
        await forty_and_a_good_one(office, "hang")

        while "zgood" not in server.tried:
            await office.send_once()
            await office.forget_jobs_pauses()

        until = server.tried[: server.tried.index("zgood")]
        assert len(until) == len(set(until))
        while not server.taken["zgood"]:
            await office.send_once()
            await office.forget_jobs_pauses()
        assert not await office.rows("SELECT FROM parked")


@pytest.mark.usefixtures("impatient")
async def test_a_new_mail_goes_before_what_was_tried_in_vain(open_office: OpenOffice, troubled: tuple[Troubled, int]):
    server, port = troubled
    async with open_office(smtp_port=port) as office:
        for nth in range(12):
            await office.register(f"hang{nth:02}", "AP_CLERK")
        await office.register("later", "BILLING", account="")
        await office.follow(invoice())
        while len(set(server.tried)) < 12:
            await office.send_once()
        await office.follow(order_refused())
        await office.forget_jobs_pauses()
        before = len(server.tried)

        await office.send_once()

        assert "later" in server.tried[before : before + 4]
        [job] = await office.rows(
            """SELECT extract(epoch FROM j.next_try_at - now()) AS in_s FROM job j JOIN message m
                   ON j.subject = 'message/' || m.message_id WHERE m.contact_id = 'later'"""
        )
        assert job.in_s <= 1  # its own pause, whatever the others' are


async def forty_and_a_good_one(office: Office, kind: str) -> None:
    for nth in range(40):
        await office.register(f"{kind}{nth:02}", "AP_CLERK")
    await office.register("zgood", "AP_CLERK")
    await office.follow(invoice())


async def test_a_link_over_which_the_server_hangs_up_holds_back_no_other(
    open_office: OpenOffice, troubled: tuple[Troubled, int]
):
    server, port = troubled
    async with open_office(smtp_port=port) as office:
        people = ("drop", "good1", "zgood2")
        for name in people:
            await office.register(name, "AP_CLERK")
        for name in people:
            assert await send_link(office, name) == ""

        await office.send_once()

        assert server.taken == Counter(("good1", "zgood2"))
        assert [row.contact_id for row in await office.rows("SELECT contact_id FROM link")] == ["drop"]
