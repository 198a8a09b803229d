"""A country is one of ISO 3166-1; what VAT alone calls by another code is none."""

import pytest

from deploy.local import rules
from services.documents.rules.codes import CodeLists
from services.kernel.countries import COUNTRIES, check_country
from services.kernel.refusals import Invalid

# The list of EN 16931 has also Kosovo by a code of its own, and Northern Ireland for VAT ids.
NOT_ISO = {"1A", "XI"}


def test_they_are_those_that_a_document_may_name() -> None:
    assert CodeLists.read(rules.install()).allowed("BR-CL-14") - NOT_ISO == COUNTRIES


@pytest.mark.parametrize(
    ("code", "said"),
    [("XX", "two capital letters"), ("de", "two capital letters"), ("XI", "Northern Ireland is GB"), ("EL", "is GR")],
)
def test_what_is_no_country_is_refused_with_what_is_meant(code: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_country(code)

    assert refused.value.code == "country.unknown"
    assert said in refused.value.message


@pytest.mark.parametrize("code", ["DE", "GB", "GR", "KW"])
def test_a_country_is_taken(code: str) -> None:
    check_country(code)
