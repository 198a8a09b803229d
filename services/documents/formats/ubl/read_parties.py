"""Reads the parties of a UBL document, its delivery and its payment instructions."""

from collections.abc import Sequence

from lxml import etree

from services.documents.formats.ubl.names import SEPA, VAT
from services.documents.formats.ubl.read_xml import (
    basic,
    day,
    group,
    groups,
    identifier,
    needed,
    said,
    text,
    unreadable,
)
from services.documents.model import (
    Address,
    Buyer,
    Contact,
    CreditTransfer,
    Delivery,
    DirectDebit,
    Identifier,
    Payee,
    PaymentCard,
    PaymentInstructions,
    Seller,
    TaxRepresentative,
)


def seller(root: etree._Element) -> Seller:
    """BG-4."""
    party = needed(root, "AccountingSupplierParty", "Party")
    entity = needed(party, "PartyLegalEntity")
    return Seller(
        name=said(entity, "RegistrationName"),
        trading_name=text(group(party, "PartyName"), "Name"),
        identifiers=tuple(known_as for known_as in _identifiers(party) if known_as.scheme != SEPA),
        legal_id=identifier(entity, "CompanyID"),
        vat_id=_tax_number(party, vat=True),
        tax_id=_tax_number(party, vat=False),
        legal_information=text(entity, "CompanyLegalForm"),
        electronic_address=identifier(party, "EndpointID"),
        address=_address(needed(party, "PostalAddress")),
        contact=_contact(group(party, "Contact")),
    )


def buyer(root: etree._Element) -> Buyer:
    """BG-7."""
    party = needed(root, "AccountingCustomerParty", "Party")
    entity = needed(party, "PartyLegalEntity")
    return Buyer(
        name=said(entity, "RegistrationName"),
        trading_name=text(group(party, "PartyName"), "Name"),
        identifier=next(iter(_identifiers(party)), None),
        legal_id=identifier(entity, "CompanyID"),
        vat_id=_tax_number(party, vat=True),
        electronic_address=identifier(party, "EndpointID"),
        address=_address(needed(party, "PostalAddress")),
        contact=_contact(group(party, "Contact")),
    )


def payee(root: etree._Element) -> Payee | None:
    """BG-10."""
    if (party := group(root, "PayeeParty")) is None:
        return None
    return Payee(
        name=said(needed(party, "PartyName"), "Name"),
        identifier=next((known_as for known_as in _identifiers(party) if known_as.scheme != SEPA), None),
        legal_id=identifier(group(party, "PartyLegalEntity"), "CompanyID"),
    )


def tax_representative(root: etree._Element) -> TaxRepresentative | None:
    """BG-11."""
    if (party := group(root, "TaxRepresentativeParty")) is None:
        return None
    if (vat_id := _tax_number(party, vat=True)) is None:
        raise unreadable(party, "the VAT id is missing")
    return TaxRepresentative(
        name=said(needed(party, "PartyName"), "Name"), vat_id=vat_id, address=_address(needed(party, "PostalAddress"))
    )


def delivery(root: etree._Element) -> Delivery | None:
    """BG-13."""
    if (element := group(root, "Delivery")) is None:
        return None
    address = group(element, "DeliveryLocation", "Address")
    return Delivery(
        party_name=text(group(element, "DeliveryParty", "PartyName"), "Name"),
        location=identifier(group(element, "DeliveryLocation")),
        delivered_on=day(element, "ActualDeliveryDate"),
        address=None if address is None else _address(address),
    )


def payment(root: etree._Element) -> PaymentInstructions | None:
    """BG-16, from the PaymentMeans of all accounts."""
    means = list(groups(root, "PaymentMeans"))
    if not means:
        return None
    code = basic(means[0], "PaymentMeansCode")
    cards = [card for each in means for card in groups(each, "CardAccount")]
    return PaymentInstructions(
        means=said(means[0], "PaymentMeansCode"),
        means_text=None if code is None else (code.get("name") or None),
        remittance=text(means[0], "PaymentID"),
        transfers=tuple(_transfer(account) for each in means for account in groups(each, "PayeeFinancialAccount")),
        card=PaymentCard(number=said(cards[0], "PrimaryAccountNumberID"), holder=text(cards[0], "HolderName"))
        if cards
        else None,
        direct_debit=_direct_debit(root, means),
    )


def _transfer(account: etree._Element) -> CreditTransfer:
    return CreditTransfer(
        account=said(account, "ID"),
        account_name=text(account, "Name"),
        bank=text(group(account, "FinancialInstitutionBranch"), "ID"),
    )


def _direct_debit(root: etree._Element, means: Sequence[etree._Element]) -> DirectDebit | None:
    mandate = next((found for each in means for found in groups(each, "PaymentMandate")), None)
    creditor = next(
        (
            known_as.value
            for path in (("PayeeParty",), ("AccountingSupplierParty", "Party"))
            for party in groups(root, *path)
            for known_as in _identifiers(party)
            if known_as.scheme == SEPA
        ),
        None,
    )
    if mandate is None and creditor is None:
        return None
    return DirectDebit(
        mandate=text(mandate, "ID"),
        creditor_id=creditor,
        debited_account=text(group(mandate, "PayerFinancialAccount"), "ID"),
    )


def _identifiers(party: etree._Element) -> list[Identifier]:
    found = (identifier(element) for element in groups(party, "PartyIdentification"))
    return [known_as for known_as in found if known_as is not None]


def _tax_number(party: etree._Element, *, vat: bool) -> str | None:
    """The VAT id, or with any other scheme the local registration."""
    for registration in groups(party, "PartyTaxScheme"):
        if ((text(group(registration, "TaxScheme"), "ID") or "").upper() == VAT) is vat:
            return text(registration, "CompanyID")
    return None


def _address(element: etree._Element) -> Address:
    return Address(
        line_1=text(element, "StreetName"),
        line_2=text(element, "AdditionalStreetName"),
        line_3=text(group(element, "AddressLine"), "Line"),
        city=text(element, "CityName"),
        post_code=text(element, "PostalZone"),
        subdivision=text(element, "CountrySubentity"),
        country=said(needed(element, "Country"), "IdentificationCode"),
    )


def _contact(element: etree._Element | None) -> Contact | None:
    if element is None:
        return None
    return Contact(
        name=text(element, "Name"), telephone=text(element, "Telephone"), email=text(element, "ElectronicMail")
    )
