"""Which names of companies are the same, which are alike, and which domains are taken for others."""

from random import Random

import pytest

from services.credit.domain.identity.names import Domains, Likeness, alike, normal, skeleton
from tests.unit.credit.companies import a_company, a_domain, a_person
from tests.unit.credit.test_identity_numbers import HOSTILE


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Müller & Söhne GmbH & Co. KG", "muller sohne"),
        ("MÜLLER GmbH Hamburg", "muller hamburg"),
        ("S.à r.l. Dupont et Fils", "dupont fils"),
        ("SAS Dupont", "dupont"),
        ("Öl AB (publ)", "ol"),
        ("The A.B.C. Company Ltd.", "abc"),
        ("Ægir Tools A/S", "aegir tools"),
        ("Łódź Packaging Sp. z o.o.", "lodz packaging"),
        ("Acme S.p.A.", "acme"),
        ("Acme, Inc", "acme"),
        ("L'Étoile du Nord S.A.", "letoile du nord"),
        ("ООО «Северная Звезда»", "severnaya zvezda"),
        ("Μεταλλική Α.Ε.", "metalliki"),
        ("株式会社トヨタ", "株式会社トヨタ"),
        ("AS Roma Logistics Srl", "roma logistics"),
        ("E.ON SE", "e on"),
        ("Marks and Spencer plc", "marks spencer"),
        ("AG Ltd", "ag"),
        ("Co", "co"),
        ("", ""),
        ("👍", ""),
        ("\u202eemcA\u202c", "emca"),
        ("Ac\u200bme", "acme"),
    ],
)
def test_a_name_is_compared_without_its_legal_form(name: str, kept: str):
    assert normal(name) == kept


@pytest.mark.parametrize(
    ("one", "other", "at_least"),
    [
        ("Müller Werkzeuge GmbH", "Werkzeuge Müller Gesellschaft mit beschränkter Haftung", 100),
        ("Nordholm Tools AB", "NORDHOLM TOOLS AKTIEBOLAG", 100),
        ("Müller Werkzeuge GmbH", "Mueller Werkzeuge", 95),
        ("Nordholm Tools AB", "Nordholm Tool", 95),
        ("Anna Schmidt", "Schmidt, Anna", 100),
    ],
)
def test_names_of_one_company_are_alike(one: str, other: str, at_least: int):
    assert alike(one, other) >= at_least
    assert alike(other, one) == alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Nordholm Tools AB", "Sudberg Paper AB"), ("Acme Ltd", "Zenith Ltd"), ("Weber GmbH", "Wagner Spedition GmbH")],
)
def test_names_of_two_companies_are_not(one: str, other: str):
    assert alike(one, other) < 70


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("acme-tools", "acrne-tools"),
        ("walmart", "vvalmart"),
        ("goods", "g00ds"),
        ("nordlicht", "nord1icht"),
        ("nordlicht", "nordiicht"),
        ("paypal", "pаypal"),
        ("paypal", "xn--pypal-4ve"),
        ("ikea", "íкеа"),
        ("muller", "müller"),
        ("acme", "ａｃｍｅ"),
    ],
)
def test_labels_that_read_alike_have_one_skeleton(label: str, other: str):
    assert skeleton(label) == skeleton(other)


@pytest.mark.parametrize(("label", "other"), [("acme", "acne"), ("nordlicht", "sudlicht"), ("tools", "tales")])
def test_labels_that_read_otherwise_have_not(label: str, other: str):
    assert skeleton(label) != skeleton(other)


KNOWN = Domains(
    [
        "acme.de",
        "baulig.de",
        "nordholm.se",
        "nordholm-tools.se",
        "zenithpaper.com",
        "zenithpaper.co.uk",
        "xn--mller-kva.de",
    ]
)


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("acme.com", [Likeness("acme.de", 0, False)]),  # short: the very label, below another suffix
        ("acne.de", []),
        ("acmee.de", []),
        ("baulik.de", [Likeness("baulig.de", 1, False)]),  # six letters: one
        ("bauilk.de", []),
        ("bualig.de", [Likeness("baulig.de", 1, False)]),  # two that changed places are one mistake
        ("nordhoim.se", [Likeness("nordholm.se", 1, True)]),
        ("nordho1m.com", [Likeness("nordholm.se", 1, True)]),
        ("nordholmtoolz.se", [Likeness("nordholm-tools.se", 2, False)]),  # ten and more: two
        ("norholmtoolz.se", []),
        ("muller.de", [Likeness("xn--mller-kva.de", 1, True)]),
        ("zenithpapier.com", [Likeness("zenithpaper.co.uk", 1, False), Likeness("zenithpaper.com", 1, False)]),
        ("acme.de", []),
    ],
)
def test_the_longer_a_known_domain_the_more_letters_may_differ(domain: str, found: list[Likeness]):
    assert KNOWN.like(domain) == found


def test_a_groups_own_domains_are_not_taken_for_each_other():
    assert KNOWN.like("zenithpaper.fr", own=["zenithpaper.com", "zenithpaper.co.uk"]) == []


@pytest.mark.parametrize("text", [*HOSTILE, "xn--", "xn--99999999", ".", "-", "a" * 300 + ".de"])
def test_whatever_a_name_or_a_domain_is_it_is_compared(text: str):
    assert len(normal(text)) < 1500
    assert 0 <= alike(text, "Acme") <= 100
    assert isinstance(skeleton(text), str)
    assert isinstance(KNOWN.like(text), list)


def test_companies_have_names_of_their_own():
    """Of invented names hardly two are alike by chance: 85 of 100 is where the same person or company begins."""
    random = Random(3)
    companies = [a_company(random) for _ in range(300)]
    persons = [a_person(random) for _ in range(300)]
    pairs = [(random.choice(each), random.choice(each)) for each in (companies, persons) for _ in range(2000)]

    assert sum(alike(one, other) >= 85 for one, other in pairs if normal(one) != normal(other)) <= 4


def test_of_three_thousand_known_domains_an_honest_one_is_hardly_ever_taken_for_another():
    random = Random(4)
    known = {a_domain(random) for _ in range(3000)}
    domains = Domains(known)
    honest = [domain for domain in (a_domain(random) for _ in range(1000)) if domain not in known]

    assert sum(bool(domains.like(domain)) for domain in honest) <= 0.02 * len(honest)
    assert sum(any(likeness.homoglyph for likeness in domains.like(domain)) for domain in honest) <= 0.002 * len(honest)


def test_domains_made_to_be_taken_for_another_are_found():
    random = Random(5)
    known = sorted({a_domain(random) for _ in range(3000)})
    domains = Domains(known)
    tricks = [("m", "rn"), ("w", "vv"), ("o", "0"), ("l", "1"), ("i", "l"), ("a", "\u0430"), ("e", "\u0435")]
    tried = found = 0
    for domain in random.sample(known, 400):
        label, _, suffix = domain.partition(".")
        able = [(one, other) for one, other in tricks if one in label]
        if not able:
            continue
        one, other = random.choice(able)
        tried += 1
        found += any(
            likeness.domain == domain and likeness.homoglyph
            for likeness in domains.like(f"{label.replace(one, other, 1)}.{suffix}")
        )

    assert tried > 350
    assert found == tried
