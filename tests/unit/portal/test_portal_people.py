"""Who somebody is while they stand in."""

from services.portal.domain.people import Guard, Person, Scope, standing_in

ANN = Person("acme", "ann", "b1", "Ann", frozenset({"AP_MANAGER", "ACCOUNT_ADMIN"}), "en", Scope(site="north"))
BO = Person("acme", "bo", "b1", "Bo", frozenset({"REQUESTER"}), "en", assurance=2)


def test_who_stands_in_has_what_was_handed_over_of_the_others_roles_and_nothing_of_their_own():
    bo = standing_in(BO, ANN, frozenset({"AP_MANAGER", "LEGAL"}))

    assert bo.roles == {"AP_MANAGER"}
    assert (bo.subject, bo.on_behalf_of, bo.on_behalf_name) == ("contact:bo", "contact:ann", "Ann")
    assert bo.scope == Scope(site="north")
    assert bo.assurance == 2
    assert not Guard(frozenset({"REQUESTER", "ACCOUNT_ADMIN"})).lets_in(bo)
