"""Notices as people read them: every kind in every language, and what is no notice."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from receivables.notifications.v1 import service_pb2

from services.notifications.domain.contacts import LANGUAGES
from services.notifications.domain.roles import Role
from services.notifications.letters import notice as letter
from services.notifications.notices import SAYS
from services.notifications.texts.catalogue import catalogue
from tests.unit.notifications.samples import SAID, a_notice, a_person

URL = "https://nordwind.example/approvals?a=1&b=2"


def written(kind: str, language: str = "en", **changes: str) -> EmailMessage:
    one = a_notice(kind, a_person("cleo", Role.AP_CLERK, language=language), URL, **changes)
    content = letter.write(one, sender="post@x.example", domain="x.example")
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_every_kind_of_the_contract_says_something():
    known = {name.removeprefix("NOTICE_KIND_") for name in service_pb2.NoticeKind.DESCRIPTOR.values_by_name}

    assert known - {"UNSPECIFIED"} == set(SAYS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(SAYS))
def test_every_kind_is_told_in_every_language_with_all_that_it_says_and_a_link(kind: str, language: str):
    mail = written(kind, language)

    words = catalogue(language)
    told = str(mail["Subject"]) + part(mail, "plain")
    shown = {
        "amount": words.money(SAID["amount"]),
        "first": words.day(SAID["first"]),
        "last": words.day(SAID["last"]),
        "roles": words.role("AP_MANAGER"),
        "factor": words._entries["factors"]["FACTOR_PASSKEY"],
    }
    assert [name for name in SAYS[kind] if shown.get(name, SAID[name]) not in told] == []
    assert URL in part(mail, "plain")
    assert "Nordwind GmbH" in told + str(mail["From"])
    assert "{" not in told
    assert mail["Content-Language"] == language


def test_a_name_is_text_and_never_markup():
    html = part(written("ORDER_WAITS", by="Bo <b>Li</b>"), "html")

    assert "Bo &lt;b&gt;Li&lt;/b&gt;" in html
    assert 'href="https://nordwind.example/approvals?a=1&amp;b=2"' in html


def test_the_same_notice_has_the_same_message_id():
    assert written("ORDER_WAITS")["Message-ID"] == written("ORDER_WAITS")["Message-ID"]
