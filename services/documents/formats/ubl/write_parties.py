"""Writes the parties of a UBL document, its delivery and its payment instructions."""

from datetime import date

from services.documents.formats.ubl.names import MEANS_NOT_DEFINED, NOT_AVAILABLE, OTHER_TAX, SEPA, VAT
from services.documents.formats.ubl.xml import day, group, identifier, marked, text
from services.documents.formats.xml import Group
from services.documents.model import (
    Address,
    Buyer,
    Contact,
    Delivery,
    DirectDebit,
    Identifier,
    Payee,
    PaymentCard,
    PaymentInstructions,
    Seller,
    TaxRepresentative,
)


def seller(root: Group, party: Seller, creditor: str | None) -> None:
    """BG-4; a SEPA creditor id (BT-90) stands among the seller's identifiers if the seller is the payee."""
    element = group(group(root, "AccountingSupplierParty"), "Party")
    identifier(element, "EndpointID", party.electronic_address)
    for known_as in party.identifiers:
        _identification(element, known_as)
    _creditor(element, creditor)
    _name(element, party.trading_name)
    _address(element, "PostalAddress", party.address)
    _tax_scheme(element, party.vat_id, VAT)
    _tax_scheme(element, party.tax_id, OTHER_TAX)
    entity = group(element, "PartyLegalEntity")
    text(entity, "RegistrationName", party.name)
    identifier(entity, "CompanyID", party.legal_id)
    text(entity, "CompanyLegalForm", party.legal_information)
    _contact(element, party.contact)


def buyer(root: Group, party: Buyer) -> None:
    """BG-7."""
    element = group(group(root, "AccountingCustomerParty"), "Party")
    identifier(element, "EndpointID", party.electronic_address)
    _identification(element, party.identifier)
    _name(element, party.trading_name)
    _address(element, "PostalAddress", party.address)
    _tax_scheme(element, party.vat_id, VAT)
    entity = group(element, "PartyLegalEntity")
    text(entity, "RegistrationName", party.name)
    identifier(entity, "CompanyID", party.legal_id)
    _contact(element, party.contact)


def payee(root: Group, party: Payee | None, creditor: str | None) -> None:
    """BG-10, with the SEPA creditor id (BT-90), which is the payee's own."""
    if party is None:
        return
    element = group(root, "PayeeParty")
    _identification(element, party.identifier)
    _creditor(element, creditor)
    _name(element, party.name)
    if party.legal_id is not None:
        identifier(group(element, "PartyLegalEntity"), "CompanyID", party.legal_id)


def tax_representative(root: Group, party: TaxRepresentative | None) -> None:
    """BG-11."""
    if party is None:
        return
    element = group(root, "TaxRepresentativeParty")
    _name(element, party.name)
    _address(element, "PostalAddress", party.address)
    _tax_scheme(element, party.vat_id, VAT)


def delivery(root: Group, what: Delivery | None) -> None:
    """BG-13."""
    if what is None:
        return
    element = group(root, "Delivery")
    day(element, "ActualDeliveryDate", what.delivered_on)
    if what.location is not None or what.address is not None:
        location = group(element, "DeliveryLocation")
        identifier(location, "ID", what.location)
        if what.address is not None:
            _address(location, "Address", what.address)
    if what.party_name is not None:
        _name(group(element, "DeliveryParty"), what.party_name)


def payment_means(root: Group, how: PaymentInstructions | None, due_in_means: date | None) -> None:
    """BG-16: one PaymentMeans per account (BG-17); what may stand once in a document stands in the first.

    `due_in_means` is a credit note's due date (BT-9), which UBL has nowhere else.
    """
    if how is None and due_in_means is None:
        return
    how = how or PaymentInstructions(means=MEANS_NOT_DEFINED)
    for index, transfer in enumerate(how.transfers or (None,)):
        first = index == 0
        element = group(root, "PaymentMeans")
        marked(element, "PaymentMeansCode", how.means, name=how.means_text if first else None)
        day(element, "PaymentDueDate", due_in_means if first else None)
        text(element, "PaymentID", how.remittance)
        _card(element, how.card if first else None)
        if transfer is not None:
            account = group(element, "PayeeFinancialAccount")
            text(account, "ID", transfer.account)
            text(account, "Name", transfer.account_name)
            if transfer.bank is not None:
                text(group(account, "FinancialInstitutionBranch"), "ID", transfer.bank)
        _mandate(element, how.direct_debit if first else None)


def _card(element: Group, card: PaymentCard | None) -> None:
    if card is None:
        return
    account = group(element, "CardAccount")
    text(account, "PrimaryAccountNumberID", card.number)
    text(account, "NetworkID", NOT_AVAILABLE)
    text(account, "HolderName", card.holder)


def _mandate(element: Group, debit: DirectDebit | None) -> None:
    if debit is None or debit.mandate is debit.debited_account is None:
        return  # a creditor id alone stands with its party
    mandate = group(element, "PaymentMandate")
    text(mandate, "ID", debit.mandate)
    if debit.debited_account is not None:
        text(group(mandate, "PayerFinancialAccount"), "ID", debit.debited_account)


def _identification(element: Group, value: Identifier | None) -> None:
    if value is not None:
        identifier(group(element, "PartyIdentification"), "ID", value)


def _creditor(element: Group, creditor: str | None) -> None:
    if creditor is not None:
        _identification(element, Identifier(value=creditor, scheme=SEPA))


def _name(element: Group, name: str | None) -> None:
    if name is not None:
        text(group(element, "PartyName"), "Name", name)


def _tax_scheme(element: Group, number: str | None, scheme: str) -> None:
    if number is not None:
        registration = group(element, "PartyTaxScheme")
        text(registration, "CompanyID", number)
        text(group(registration, "TaxScheme"), "ID", scheme)


def _address(parent: Group, name: str, address: Address) -> None:
    element = group(parent, name)
    text(element, "StreetName", address.line_1)
    text(element, "AdditionalStreetName", address.line_2)
    text(element, "CityName", address.city)
    text(element, "PostalZone", address.post_code)
    text(element, "CountrySubentity", address.subdivision)
    if address.line_3 is not None:
        text(group(element, "AddressLine"), "Line", address.line_3)
    text(group(element, "Country"), "IdentificationCode", address.country)


def _contact(element: Group, contact: Contact | None) -> None:
    if contact is None:
        return
    who = group(element, "Contact")
    text(who, "Name", contact.name)
    text(who, "Telephone", contact.telephone)
    text(who, "ElectronicMail", contact.email)
