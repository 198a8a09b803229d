"""Applications in the applicant's words: groups of the form, what helps to fill it in, tracks and why, what is refused."""


def _(text: str) -> str:
    return text


APPLYING: dict[str, str] = {
    "group company": _("Your company"),
    "group contact": _("How we reach you"),
    "group buying": _("What you will buy"),
    "group asking": _("What you ask for"),
    "group alternatives": _("One of these is enough"),
    "group people": _("Who stands behind it"),
    "group other": _("What else we need to know"),
    "group agreement": _("Agreement"),
    "choice true": _("Yes"),
    "choice false": _("No"),
    # What is said beside a field.
    "help register_number": _("As the company register has it, such as HRB 1234, 12345678 or 552 032 534."),
    "help register_court": _("Such as Aachen."),
    "help register_state": _("Where it is incorporated, such as DE or CA."),
    "help company_name": _("With its legal form, such as GmbH or Ltd."),
    "help vat_id": _("If you have one."),
    "help typical_order": _("Net, of one order."),
    "help orders_a_month": _("On average; 0.5 is one in two months."),
    "help requested_amount": _("That may be owed at one time."),
    "help requested_terms": _("From the invoice, such as 30."),
    "help reference_1": _("A supplier that you buy from on account: name and mail address."),
    "help reference_2": _("Another one: name and mail address."),
    "help deposit_offered": _("What you would pay beforehand."),
    "help owners": _("Names and shares of all who own more than a quarter."),
    "help signer": _("Name and function."),
    "tick agreement": _(
        "We are entitled to apply for the company, and agree that you check its credit with registers, credit bureaus and insurers."
    ),
    # Tracks, as the applicant reads them.
    "track FAST": _("decided at once"),
    "track STANDARD": _("a person looks at it"),
    "track ENHANCED": _("looked at closely by a person"),
    # Why it is on its track.
    "because country_closed": _("we do not deliver on account to this country"),
    "because overdue": _("something has been overdue for long"),
    "because grade_e": _("what we know of the company does not carry a limit"),
    "because grade_d": _("what we know of the company carries a limit only after a closer look"),
    "because grade_c": _("what we know of the company carries this amount only after a look"),
    "because company_ended": _("the register says that the company has ended"),
    "because not_in_register": _("the company was not found in the register, or the register did not answer"),
    "because group_breach": _("the group's limit is used"),
    "because expected_loss": _("the amount is large for what we know"),
    "because amount_above_auto_cap": _("a person looks at each amount of this size"),
    "because amount_above_board_limit": _("two people look at each amount of this size"),
    "because facts_missing": _("something is still missing"),
    "because no_limit": _("what we know does not carry a limit yet"),
    "because declined_by_person": _("nobody is declined by a machine alone"),
    "because check": _("a check that is done of everybody was not clear at once"),
    # What is refused.
    "fact.value": _("That does not fit here: compare what stands beside it."),
    "fact.email": _("That is no address of mail."),
    "fact.iban": _("That is no IBAN: compare it with the bank's."),
    "fact.vat_id": _("That is no VAT id of this country."),
    "fact.register_number": _("That is no number of this country's register."),
    "application.incomplete": _("Something is still missing: it is marked below."),
    "application.closed": _("Nothing is added to it any more."),
    "application.lapsed": _("The decision has lapsed: ask for a new one."),
    "application.not_approved": _("Nothing was approved that could be accepted."),
    "application.offer_wants_facts": _("Give what the offer asks for, and ask for the decision again."),
    "application.unknown_offer": _("That offer is not there any more: look at the decision again."),
    "application.decided_by_person": _("A person decided this: have it looked at again by another one."),
    "application.appeal": _("Say what we should look at again."),
    "application.too_many": _("There are too many open applications: withdraw one."),
    "application.too_many_documents": _("An application has at most 20 documents."),
    "application.too_much": _("The documents are too large together."),
    "application.document_exists": _("That document is there already."),
    "apply.no_facts": _("Choose what you ask for."),
    "apply.too_many_colleagues": _("At most ten colleagues are asked."),
    "apply.link_unknown": _("This link is not good any more."),
}
