"""The seller's people see each mail as it is mailed, in their own name; a buyer's see none."""

from receivables.notifications.v1 import letters_pb2

from services.chassis.identity import Principal
from services.notifications.domain.contacts import LANGUAGES
from tests.integration.notifications.office import OpenOffice
from tests.integration.notifications.test_notifications_links import ask
from tests.unit.notifications.samples import TENANT

SAL = Principal("user:sal", TENANT, "portal", frozenset({"SALES"}), assurance=1)
CLEO = Principal("contact:cleo", TENANT, "portal", frozenset({"AP_CLERK"}), frozenset({"acme"}), assurance=1)


async def test_a_mail_is_shown_with_the_sellers_own_name_and_addresses(open_office: OpenOffice):
    async with open_office(portal_url="https://{tenant}.pay.example") as office:
        await office.know_the_companies()
        await office.know_the_seller(company={"name": "Südwind GmbH"})
        listed = await ask(office, "ListLetters", letters_pb2.ListLettersRequest(language="fr"), SAL)
        request = letters_pb2.PreviewLetterRequest(kind="dispute_question", language="fr")
        shown = await ask(office, "PreviewLetter", request, SAL)

        assert list(listed.languages) == list(LANGUAGES)
        assert shown.letter in listed.letters
        assert any(line.startswith("From: Südwind GmbH <") for line in shown.headers)
        for part in (shown.text, shown.html):
            assert "Südwind GmbH" in part
            assert f"https://{TENANT}.pay.example/disputes/d1" in part
        refusals = [
            ("PreviewLetter", letters_pb2.PreviewLetterRequest(kind="digest", language="xx"), SAL),
            ("PreviewLetter", letters_pb2.PreviewLetterRequest(kind="nothing", language="fr"), SAL),
            ("ListLetters", letters_pb2.ListLettersRequest(language="fr"), CLEO),
        ]
        codes = [(await ask(office, method, asked, who)).code for method, asked, who in refusals]
    assert codes == ["contact.language_unknown", "letter.unknown", "access.kind"]
