"""Who hears a story: roles, scope, stand-ins, documents."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivables.common.v1.party_pb2 import Scope as ScopeMessage
from receivables.credit.v1 import events_pb2 as credit
from receivables.disputes.v1 import events_pb2 as disputes

from services.kernel.orders import Scope
from services.notifications import wire
from services.notifications.domain import routing
from services.notifications.domain.contacts import Contact
from services.notifications.domain.matrix import MATRIX, Kind, Weight
from services.notifications.domain.roles import BUYER_ROLES, SELLER_ROLES, SELLER_STAND_INS, Role
from services.notifications.domain.routing import House, Route, posted, without_anybody
from services.notifications.domain.stories import Story, who_knows
from tests.unit.notifications.samples import (
    NOW,
    a_colleague,
    a_person,
    decided,
    dispute_moved,
    every_story,
    invoice,
    payment,
    shipped,
    story_of,
)


def the(story: Story | None) -> Story:
    assert story is not None
    return story


def route(story: Story, buyers: Sequence[Contact], sellers: Sequence[Contact]) -> Route:
    return routing.route(story, House(buyers), House(sellers))


def heard(found: Route) -> dict[str, tuple[Weight, Role | None]]:
    return {r.contact.contact_id: (r.weight, r.role) for r in found.recipients}


SALES = a_colleague("sam", Role.SALES)
CLERK = a_person("cleo", Role.AP_CLERK)


def test_everybody_hears_as_their_role_says():
    referred = the(story_of(decided(credit.OUTCOME_REFERRED)))
    buyers = [a_person("fin", Role.FINANCE_LEAD), a_person("req", Role.REQUESTER), CLERK]

    found = route(referred, buyers, [a_colleague("carl", Role.CREDIT), SALES])

    assert heard(found) == {
        "fin": (Weight.ACT, Role.FINANCE_LEAD),
        "req": (Weight.INFORM, Role.REQUESTER),
        "carl": (Weight.ACT, Role.CREDIT),
        "sam": (Weight.INFORM, Role.SALES),
    }
    assert not found.vacancies


def test_a_person_of_several_roles_hears_once_as_the_one_of_whom_most_is_asked():
    both = a_person("both", Role.REQUESTER, Role.AP_CLERK)

    assert heard(route(the(story_of(invoice())), [both], [])) == {"both": (Weight.ACT, Role.AP_CLERK)}


def test_a_payment_is_heard_by_those_whose_invoices_it_met_and_by_those_for_the_whole_company():
    people = [
        a_person("north", Role.AP_CLERK, scope=Scope(site="NORTH")),
        a_person("south", Role.AP_CLERK, scope=Scope(site="SOUTH")),
        a_person("all", Role.AP_CLERK),
    ]

    def told(*sites: str) -> list[str]:
        met = payment(scopes=[ScopeMessage(site=site) for site in sites])
        return [r.contact.contact_id for r in route(the(story_of(met)), people, []).recipients]

    assert told("NORTH") == ["north", "all"]
    assert told("NORTH", "SOUTH", "NORTH") == ["north", "south", "all"]
    assert told() == ["all"]


def test_who_has_one_address_and_one_language_gets_one_mail():
    clerk = a_person("clerk", Role.AP_CLERK, email="ap@Acme.example")
    other = a_person("other", Role.REQUESTER, email="ap@acme.EXAMPLE", wants_document=True)
    swede = a_person("swede", Role.AP_CLERK, email="ap@acme.example", language="sv")
    upper = a_person("upper", Role.AP_CLERK, email="AP@acme.example")

    found = route(the(story_of(invoice())), [clerk, other, swede, upper], []).recipients
    posts = {post.recipient.contact.contact_id: post for post in posted(found)}

    # The one of whom something is asked carries what the other hears, at once and with the document for both.
    assert (posts["clerk"].carrier, posts["clerk"].at_once, posts["clerk"].with_document) == (None, True, True)
    assert (posts["other"].carrier, posts["other"].at_once, posts["other"].with_document) == ("clerk", True, False)
    assert posts["swede"].carrier is None
    assert posts["upper"].carrier is None


def test_who_only_hears_with_the_digest_is_carried_by_nobody_yet():
    people = [a_person(name, Role.REQUESTER, email="one@acme.example") for name in ("a", "b")]

    posts = posted(route(the(story_of(decided())), people, []).recipients)

    assert [(post.carrier, post.at_once) for post in posts] == [(None, False)] * 2


def test_a_narrower_scope_hears_only_of_its_own():
    hamburg = a_person("hamburg", Role.AP_CLERK, scope=Scope(site="Hamburg"))
    munich = a_person("munich", Role.AP_CLERK, scope=Scope(site="Munich"))
    story = replace(the(story_of(invoice())), scopes=(Scope(site="Hamburg", purchase_order="PO 7"),))

    assert set(heard(route(story, [hamburg, munich, CLERK], []))) == {"hamburg", "cleo"}


def test_a_fact_about_the_whole_company_is_not_one_about_a_site():
    hamburg = a_person("hamburg", Role.AP_CLERK, scope=Scope(site="Hamburg"))

    found = route(the(story_of(invoice())), [hamburg], [SALES])

    assert heard(found) == {"sam": (Weight.ACT, Role.SALES)}
    assert found.vacancies == (Role.AP_CLERK,)


def test_where_nobody_holds_a_role_that_must_act_the_account_admin_does():
    admin = a_person("ada", Role.ACCOUNT_ADMIN)

    found = route(the(story_of(invoice())), [admin], [SALES])

    [recipient] = found.recipients
    assert (recipient.contact, recipient.weight, recipient.stands_in_for) == (admin, Weight.ACT, Role.AP_CLERK)
    assert found.vacancies == (Role.AP_CLERK,)


def test_without_an_account_admin_the_seller_acts_and_passes_it_on():
    found = route(the(story_of(invoice())), [], [a_colleague("bill", Role.BILLING), SALES])

    assert heard(found) == {"sam": (Weight.ACT, Role.SALES)}


def test_where_the_seller_has_nobody_for_a_role_a_colleague_steps_in():
    referred = the(story_of(decided(credit.OUTCOME_REFERRED)))

    found = route(referred, [a_person("fin", Role.FINANCE_LEAD)], [a_colleague("bill", Role.BILLING)])

    assert heard(found)["bill"] == (Weight.ACT, Role.BILLING)
    assert found.vacancies == (Role.CREDIT,)


def test_nobody_at_all_is_no_error():
    assert route(the(story_of(invoice())), [], []) == Route((), (Role.AP_CLERK,))


def test_a_suspended_contact_hears_nothing_and_does_not_fill_its_role():
    gone = replace(CLERK, suspended=True)

    assert heard(route(the(story_of(invoice())), [gone], [SALES])) == {"sam": (Weight.ACT, Role.SALES)}


def test_whoever_wants_documents_gets_them_at_once_whatever_the_role():
    edi = a_person("edi", Role.EDI_IT, wants_document=True)
    requester = a_person("req", Role.REQUESTER, wants_document=True)

    found = {r.contact.contact_id: r for r in route(the(story_of(invoice())), [edi, requester, CLERK], []).recipients}

    assert (found["edi"].weight, found["edi"].role, found["edi"].at_once) == (Weight.INFORM, None, True)
    assert (found["req"].weight, found["req"].with_document, found["req"].at_once) == (Weight.DIGEST, True, True)
    assert (found["cleo"].with_document, found["cleo"].at_once) == (False, True)


def test_a_fact_without_a_document_is_not_told_to_who_only_wants_documents():
    assert not route(the(story_of(shipped())), [a_person("edi", Role.EDI_IT, wants_document=True)], []).recipients


@pytest.mark.parametrize(
    ("reason", "knower"),
    [("QTY_SHORT", Role.RECEIVING), ("QLT_DAMAGE", Role.REQUESTER), ("PRC_UNIT", Role.AP_CLERK), ("", Role.AP_CLERK)],
)
def test_a_question_in_a_dispute_goes_to_the_one_who_knows(reason: str, knower: Role):
    event = dispute_moved(disputes.STATE_AWAITING_CUSTOMER, "a photo")
    people = [a_person(role.value, role) for role in (Role.REQUESTER, Role.RECEIVING, Role.AP_CLERK)]

    found = route(the(wire.dispute_moved(event, NOW, reason)), people, [])

    assert heard(found) == {knower.value: (Weight.ACT, knower)}
    assert who_knows(reason) is knower


def test_a_case_that_is_open_again_is_the_dispute_teams_to_act_on():
    appealed = the(story_of(dispute_moved(disputes.STATE_APPEALED)))

    found = route(appealed, [], [a_colleague("dora", Role.DISPUTE_OWNER)])

    assert heard(found) == {"dora": (Weight.ACT, Role.DISPUTE_OWNER)}


def test_a_message_that_somebody_must_be_named_opens_no_further_task():
    [name_somebody] = [s for s in every_story() if s.kind is Kind.NAME_SOMEBODY]

    assert route(name_somebody, [], [SALES]).vacancies == ()


def test_roles_are_without_anybody_if_only_the_suspended_hold_them():
    others = [replace(CLERK, suspended=True), a_person("rex", Role.RECEIVING)]

    assert without_anybody((Role.AP_CLERK, Role.RECEIVING), others) == [Role.AP_CLERK]


def people(account_id: str, roles: frozenset[Role]) -> st.SearchStrategy[list[Contact]]:
    person = st.builds(
        a_person,
        st.text("abcdef", min_size=3, max_size=6).map(lambda text: f"{account_id}-{text}"),
        account_id=st.just(account_id),
        scope=st.sampled_from([Scope(), Scope(site="Hamburg")]),
        wants_document=st.booleans(),
        suspended=st.booleans(),
    )
    held = st.lists(st.sampled_from(sorted(roles)), max_size=3, unique=True).map(tuple)
    return st.lists(
        st.builds(lambda p, r: replace(p, roles=r), person, held), max_size=5, unique_by=lambda p: p.contact_id
    )


@given(st.sampled_from(every_story()), people("acme", BUYER_ROLES), people("", SELLER_ROLES))
def test_nobody_hears_twice_and_every_act_reaches_somebody_if_the_seller_has_anybody(
    story: Story, buyers: list[Contact], sellers: list[Contact]
):
    found = route(story, buyers, sellers)

    ids = [r.contact.contact_id for r in found.recipients]
    assert len(ids) == len(set(ids))
    assert not any(r.contact.suspended or not r.contact.hears_of(story.scopes[0]) for r in found.recipients)
    acting = {r.stands_in_for or r.role for r in found.recipients if r.weight is Weight.ACT}
    must_act = {role for role, weight in MATRIX[story.kind].weights.items() if weight is Weight.ACT}
    reachable = any(
        {*c.roles} & {*SELLER_STAND_INS} and not c.suspended and c.hears_of(story.scopes[0]) for c in sellers
    )
    assert acting or not reachable or not must_act
    held = set(
        chain.from_iterable(c.roles for c in (*buyers, *sellers) if not c.suspended and c.hears_of(story.scopes[0]))
    )
    assert not set(found.vacancies) & held
