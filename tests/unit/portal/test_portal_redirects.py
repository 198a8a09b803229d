"""Where people are sent on to."""

import pytest

from services.portal.web import inside


@pytest.mark.parametrize("path", ["/", "/invoices?q=RE%201", "/people#f-address"])
def test_a_page_of_ours_is_gone_to(path: str):
    assert inside(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:1",
        "/a\r\nb",
        "/\t/evil",
        "/" + "a" * 2_000,
    ],
)
def test_anywhere_else_is_the_overview(path: str):
    """ASVS 3.7.2: no page of ours sends people elsewhere."""
    assert inside(path) == "/"
