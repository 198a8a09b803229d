"""Credit lines at the seller's desk, over HTTP: more for a while, groups, securities, the limit on any day."""

from typing import Any

from tests.integration.credit.desk import register
from tests.integration.portal.conftest import Casework, said

LINE = "/desk/accounts/b1/line"
UPLIFT: dict[str, Any] = {"amount": "500.00", "until": "2026-02-28", "reason": "season", "why": "spring"}
SECURITY: dict[str, Any] = {"kind": "INSURANCE", "amount": "2,000.00", "coverage": "90", "reference": "P-77"}
GROUP: dict[str, Any] = {"node": "muster", "kind": "GROUP", "currency": "eur", "limit": "3,000.00"}


async def test_more_for_a_while_counts_once_a_colleague_has_approved_it(casework: Casework):
    await register(casework.credit.parts)
    asked = await casework.send("sal", "/desk/accounts/b1/uplift", **UPLIFT)
    assert (asked.status_code, asked.headers["location"]) == (303, LINE)

    page = await casework.text("ada", LINE)
    for words in ("€500.00", "Feb 28, 2026", "The season", "Person sal", "Waits for a second person", "Approve"):
        assert words in page, words
    assert "You asked for it" not in page
    await casework.send("ada", "/desk/accounts/b1/uplift/approve", uplift=await an_uplift(casework))

    page = await casework.text("eve", LINE)
    for words in ("Counts", "approved by Person ada", "€1,500.00, of which €1,500.00 are free"):
        assert words in page, words
    assert (
        await casework.send("bob", "/desk/accounts/b1/uplift/end", uplift=await an_uplift(casework))
    ).status_code == 303
    assert "Nothing above the limit is granted or asked for." in await casework.text("eve", LINE)


async def an_uplift(casework: Casework) -> str:
    """The id of the one that is there, as its form has it."""
    answer = await casework.get("ada", LINE)
    return answer.text.partition('name="uplift" value="')[2].partition('"')[0]


async def test_whoever_asked_for_more_does_not_approve_it(casework: Casework):
    await register(casework.credit.parts)
    await casework.send("ada", "/desk/accounts/b1/uplift", **UPLIFT)
    assert "You asked for it: another person has to approve it." in await casework.text("ada", LINE)

    answer = await casework.send("ada", "/desk/accounts/b1/uplift/approve", uplift=await an_uplift(casework))

    assert (answer.status_code, "a colleague does" in said(answer)) == (422, True)


REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("uplift", UPLIFT | {"amount": "-1"}, "That is no amount"),
    ("uplift", UPLIFT | {"until": "2020-01-01"}, "It ends in the future"),
    ("uplift", UPLIFT | {"until": "tomorrow"}, "That is no day."),
    ("uplift", UPLIFT | {"until": ""}, "Say until when."),
    ("uplift", UPLIFT | {"reason": "because"}, "Choose why."),
    ("uplift", UPLIFT | {"why": " "}, "Say why: it is kept with the change."),
    ("security", SECURITY | {"coverage": "101"}, "at most 100 %"),
    ("security", SECURITY | {"coverage": "much"}, "at most 100 %"),
    ("security", SECURITY | {"kind": "HOPE"}, "Choose what it is."),
    ("security", SECURITY | {"from": "2026-03-01", "until": "2026-02-01"}, "It ends after it began."),
    ("move", {"parent": "nobody", "why": "x"}, "There is no group by that name."),
)


async def test_what_makes_no_sense_is_said_beside_its_field_and_what_was_typed_stays(casework: Casework):
    await register(casework.credit.parts)
    for form, fields, words in REFUSED:
        answer = await casework.send("ada", f"/desk/accounts/b1/{form}", **fields)
        assert (answer.status_code, words in said(answer)) == (422, True), words
        assert 'aria-invalid="true"' in answer.text, words
        for name in {"amount", "parent", "reference"} & fields.keys():
            assert f'value="{fields[name]}"' in answer.text, words
    page = await casework.text("ada", LINE)
    for words in ("Nothing above the limit", "all that is owed is unsecured", "part of no group"):
        assert words in page, words


async def test_a_security_is_set_said_again_and_ended(casework: Casework):
    await register(casework.credit.parts)
    assert (await casework.send("ada", "/desk/accounts/b1/security", **SECURITY)).status_code == 303
    page = await casework.text("eve", LINE)
    for words in ("Credit insurance", "€2,000.00", "90.0 %", "€1,800.00", "P-77", "it is ended"):
        assert words in page, words
    shown = (await casework.get("ada", LINE)).text
    name = shown.partition("?security=")[2].partition('"')[0]

    form = (await casework.get("ada", f"/desk/accounts/b1/security?security={name}")).text
    for value in ('value="INSURANCE" selected', 'value="2000.00"', 'value="90"', 'value="P-77"'):
        assert value in form, value
    await casework.send("bob", "/desk/accounts/b1/security", security=name, **SECURITY | {"amount": "1,000.00"})
    assert "€900.00" in await casework.text("eve", LINE)

    assert (await casework.send("bob", "/desk/accounts/b1/security/end", security=name)).status_code == 303
    assert "all that is owed is unsecured" in await casework.text("eve", LINE)


async def test_accounts_share_a_limit_in_a_group_that_shows_all_that_is_part_of_it(casework: Casework):
    await register(casework.credit.parts)
    assert "No accounts share a limit yet." in await casework.text("ada", "/desk/nodes")
    made = await casework.send("ada", "/desk/register/node", **GROUP)
    assert (made.status_code, made.headers["location"]) == (303, "/desk/nodes/muster")
    below = GROUP | {"node": "muster-de", "kind": "PARENT", "parent": "muster", "limit": "2,000.00"}
    await casework.send("ada", "/desk/register/node", **below)
    await casework.send("ada", "/desk/accounts/b1/move", parent="muster-de", why="one company")

    for path, there in (
        ("/desk/nodes", ("muster Group €3,000.00",)),
        ("/desk/nodes/muster", ("muster-de", "Company with several accounts", "Still free together €3,000.00")),
        ("/desk/nodes/muster-de", ("part of muster", "b1 Account €1,000.00")),
        (LINE, ("muster Group €3,000.00", "muster-de")),
        ("/desk/accounts/b1", ("Shares a limit with others", "muster Group €3,000.00", "Nothing is owed or reserved.")),
    ):
        page = await casework.text("eve", path)
        for words in there:
            assert words in page, (path, words)

    await casework.send("bob", "/desk/nodes/muster/limit", limit="500.00", why="less")
    assert "of €500.00" in await casework.text("eve", "/desk/nodes/muster")
    await casework.send("bob", "/desk/accounts/b1/move", parent="", why="sold")
    assert "It is part of no group" in await casework.text("eve", LINE)


async def test_a_group_that_makes_no_sense_is_said_beside_its_field(casework: Casework):
    await casework.send("ada", "/desk/register/node", **GROUP)
    for changed, words in (
        ({"node": "a/b"}, "no slash"),
        ({"kind": "PARENT"}, "There is another group by that name"),
        ({"node": "x", "parent": "muster"}, "of a higher kind"),
        ({"node": "x", "kind": "PARENT", "parent": "muster", "currency": "USD"}, "kept in another currency"),
        ({"node": "x", "parent": "nobody"}, "There is no group by that name."),
        ({"node": "x", "currency": "XXQ"}, "That is no currency"),
        ({"node": "x", "limit": "much"}, "That is no number."),
    ):
        answer = await casework.send("ada", "/desk/register/node", **GROUP | changed)
        assert (answer.status_code, words in said(answer)) == (422, True), words
    assert (await casework.get("ada", "/desk/nodes/x")).status_code == 404


async def test_the_limit_of_any_day_is_shown_as_it_was_known_on_another(casework: Casework):
    await register(casework.credit.parts)
    page = await casework.text("eve", f"{LINE}?on=2026-01-06&known=2026-01-07")
    assert "€1,000.00 all of it granted · as it was known on Jan 7, 2026" in page
    assert "The limit month by month" in page
    assert "No limit was known then for that day." in await casework.text("eve", f"{LINE}?on=2025-01-06")
    assert "That is no day." in await casework.text("eve", f"{LINE}?on=yesterday")
