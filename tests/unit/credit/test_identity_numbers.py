"""VAT ids, register numbers, LEIs and IBANs: right ones in their normal form, wrong ones refused."""

from collections.abc import Callable

import pytest

from services.credit.domain.identity import banks, numbers
from services.kernel.refusals import Invalid

VAT_IDS = [
    ("AT", "AT U13585627", "ATU13585627"),
    ("BE", "BE 428759497", "BE0428759497"),
    ("BG", "BG175074752", "BG175074752"),
    ("CY", "CY-10259033P", "CY10259033P"),
    ("CZ", "CZ25123891", "CZ25123891"),
    ("DE", "DE 136 695 976", "DE136695976"),
    ("DK", "DK 13585628", "DK13585628"),
    ("EE", "EE 100594102", "EE100594102"),
    ("ES", "ES B64717838", "ESB64717838"),
    ("FI", "FI 20774740", "FI20774740"),
    ("FR", "FR 23 334 175 221", "FR23334175221"),
    ("GR", "EL 094259216", "EL094259216"),
    ("HR", "HR 33392005961", "HR33392005961"),
    ("HU", "HU-12892312", "HU12892312"),
    ("IE", "IE 6433435F", "IE6433435F"),
    ("IT", "IT 00743110157", "IT00743110157"),
    ("LT", "LT119511515", "LT119511515"),
    ("LU", "LU 150 274 42", "LU15027442"),
    ("LV", "LV 4000 3521 600", "LV40003521600"),
    ("MT", "MT 1167-9112", "MT11679112"),
    ("NL", "NL004495445B01", "NL004495445B01"),
    ("PL", "PL 8567346215", "PL8567346215"),
    ("PT", "PT 501 964 843", "PT501964843"),
    ("RO", "RO 18547290", "RO18547290"),
    ("SE", "SE 123456789701", "SE123456789701"),
    ("SI", "SI 5022 3054", "SI50223054"),
    ("SK", "SK 202 274 96 19", "SK2022749619"),
    ("GB", "GB 980 7806 84", "GB980780684"),
    ("GB", "XI 980 7806 84", "XI980780684"),
    ("CH", "CHE-107.787.577 MWST", "CHE107787577MWST"),
    ("NO", "NO 995 525 828 MVA", "NO995525828MVA"),
]

REGISTER_NUMBERS = [
    ("FR", "732 829 320", "732829320"),
    ("FR", "732 829 320 00074", "732829320"),
    ("SE", "556036-0793", "5560360793"),
    ("SE", "16 556036-0793", "5560360793"),
    ("DK", "DK 13 58 56 28", "13585628"),
    ("US", "91-1144442", "911144442"),
    ("DE", "HRB 6684", "HRB 6684"),
    ("DE", "hrb6684 München", "München HRB 6684"),
    ("DE", "Amtsgericht Muenchen, HRB 6684", "München HRB 6684"),
    ("DE", "AG Charlottenburg HRB 44343 B", "Berlin (Charlottenburg) HRB 44343 B"),
    ("DE", "HRB 4321 Hof", "Hof HRB 4321"),
    ("DE", "GNR 17 Frankfurt am Main", "Frankfurt am Main GnR 17"),
    ("GB", "1234567", "01234567"),
    ("GB", "SC 123456", "SC123456"),
    ("GB", "R0123456", "R0123456"),
    ("NL", "1234 5678", "12345678"),
    ("IT", "MI-1234567", "MI1234567"),
]

WRONG_REGISTER_NUMBERS = [
    ("FR", "732829321"),
    ("FR", "73282932000075"),
    ("SE", "556036-0794"),
    ("DK", "13585627"),
    ("US", "07-1144442"),
    ("DE", "HRC 6684"),
    ("DE", "HRB 0684"),
    ("DE", "HRB 1234567"),
    ("DE", "HRB 6684 Entenhausen"),
    ("GB", "123"),
    ("GB", "XX123456"),
    ("GB", "00000000"),
    ("NL", "1234567"),
    ("NL", "00000000"),
    ("IT", "none"),
    ("ES", "-"),
]

HOSTILE = [
    "",
    " ",
    "x" * 2000,
    "9" * 2000,
    "\u202e629 596 631 ED",
    "\u200b\u200b",
    "DE1366\x0095976",
    "👍👍👍",
    "١٢٣٤٥٦٧٨٩",
    "HRB ９９９９９９９９９",
    "DE' OR 1=1 --",
    "\ud800",
    "HRB 1 " + "(" * 70,
    "\n\n\t",
    "²³¼",
]


def outcome(judge: Callable[..., object], *given: object) -> object:
    """What a check says: its value, or how it refuses."""
    try:
        return judge(*given)
    except Invalid as refused:
        return refused


@pytest.mark.parametrize(("country", "text", "normal"), VAT_IDS)
def test_a_vat_id_comes_in_one_form_with_its_country_or_without(country: str, text: str, normal: str):
    assert numbers.vat_id(text, country) == normal
    assert numbers.vat_id(normal, country) == normal
    if not text.startswith("XI"):
        assert numbers.vat_id(text[2:] if country != "CH" else text, country) == normal


@pytest.mark.parametrize(("country", "text", "normal"), VAT_IDS)
def test_a_vat_id_with_a_slip_of_the_finger_is_refused(country: str, text: str, normal: str):
    at = max(
        place
        for place, char in enumerate(normal)
        if char.isdigit() and not (country in ("NL", "SE") and place > len(normal) - 3)
    )
    with pytest.raises(Invalid) as refused:
        numbers.vat_id(normal[:at] + str((int(normal[at]) + 1) % 10) + normal[at + 1 :], country)
    assert refused.value.code == "fact.vat_id"


@pytest.mark.parametrize(
    ("text", "country"),
    [("DE136695976", "AT"), ("136695976", "FR"), ("12-3456789", "US"), ("nothing", "BR"), ("GB980780684", "DE")],
)
def test_a_vat_id_of_another_country_is_refused(text: str, country: str):
    with pytest.raises(Invalid) as refused:
        numbers.vat_id(text, country)
    assert refused.value.code == "fact.vat_id"


@pytest.mark.parametrize(("country", "text", "normal"), REGISTER_NUMBERS)
def test_a_register_number_comes_in_one_form(country: str, text: str, normal: str):
    assert numbers.register_number(text, country) == normal
    assert numbers.register_number(normal, country) == normal


@pytest.mark.parametrize(("country", "text"), WRONG_REGISTER_NUMBERS)
def test_a_wrong_register_number_is_refused(country: str, text: str):
    with pytest.raises(Invalid) as refused:
        numbers.register_number(text, country)
    assert refused.value.code == "fact.register_number"


def test_a_german_number_is_one_companys_only_with_its_court():
    alone = numbers.register_number("HRB 6684", "DE")
    with_court = numbers.register_number("HRB 6684", "DE", "Amtsgericht Köln")

    assert with_court == "Köln HRB 6684"
    assert numbers.of_one_company(alone, "DE") == ""
    assert numbers.of_one_company(with_court, "DE") == "DE Köln HRB 6684"
    assert numbers.of_one_company("13585628", "DK") == "DK 13585628"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Koeln", "Köln"),
        ("Registergericht beim Amtsgericht Aachen", "Aachen"),
        ("Berlin", "Berlin (Charlottenburg)"),
        ("Coesfeld", "Coesfeld"),
    ],
)
def test_a_court_is_known_by_what_people_call_it(text: str, name: str):
    assert numbers.court(text) == name


@pytest.mark.parametrize(
    ("number", "country", "vat_id"), [("404833048", "FR", "FR83404833048"), ("5560360793", "SE", "SE556036079301")]
)
def test_a_french_and_a_swedish_vat_id_follow_from_the_register_number(number: str, country: str, vat_id: str):
    assert numbers.vat_id_from(number, country) == vat_id
    assert numbers.vat_id(vat_id, country) == vat_id


def test_no_vat_id_follows_elsewhere():
    assert numbers.vat_id_from("Aachen HRB 1", "DE") is None


def test_an_lei_has_its_check_digits():
    assert numbers.lei("2138 00KU D8LA JWSQ 9d15") == "213800KUD8LAJWSQ9D15"
    with pytest.raises(Invalid) as refused:
        numbers.lei("213800KUD8LXJWSQ9D15")
    assert refused.value.code == "fact.lei"


@pytest.mark.parametrize(
    ("text", "iban", "bank"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "Commerzbank"),
        ("gb29 nwbk 6016 1331 9268 19", "GB29NWBK60161331926819", "NATIONAL WESTMINSTER BANK PUBLIC LIMITED COMPANY"),
        ("FR1420041010050500013M02606", "FR1420041010050500013M02606", "LA BANQUE POSTALE"),
        ("SE45 5000 0000 0583 9825 7466", "SE4550000000058398257466", "SEB"),
        ("NL91ABNA0417164300", "NL91ABNA0417164300", "ABN AMRO BANK N.V."),
        ("DE44 1234 5678 0000 0000 00", "DE44123456780000000000", ""),
    ],
)
def test_an_iban_tells_its_country_and_its_bank_where_that_is_known(text: str, iban: str, bank: str):
    account = banks.account(text)

    assert (account.iban, account.country, account.bank) == (iban, iban[:2], bank)


@pytest.mark.parametrize(
    "text", ["DE89370400440532013001", "DE8937040044053201300", "XX89370400440532013000", "0532013000"]
)
def test_what_is_no_iban_is_refused(text: str):
    with pytest.raises(Invalid) as refused:
        banks.account(text)
    assert refused.value.code == "fact.iban"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("country", ["DE", "FR", "SE", "DK", "US", "GB", "NL", "IN", "BR", "AQ"])
def test_whatever_is_typed_is_a_short_plain_number_or_refused(country: str, text: str):
    for judge in (
        lambda: numbers.vat_id(text, country),
        lambda: numbers.register_number(text, country),
        lambda: numbers.court(text),
        lambda: numbers.lei(text),
        lambda: banks.account(text),
    ):
        told = outcome(judge)
        if isinstance(told, Invalid):
            assert told.code.startswith("fact.")
            assert 0 < len(told.message) < 200
        else:
            assert isinstance(told, str)
            assert told.isascii()
            assert 2 <= len(told) <= 40


@pytest.mark.parametrize("country", ["", "de", "XX", "DEU", "../", "٣٣"])
def test_a_country_that_is_none_is_refused(country: str):
    for judge in (numbers.vat_id, numbers.register_number):
        with pytest.raises(Invalid) as refused:
            judge("136695976", country)
        assert refused.value.code == "country.unknown"
