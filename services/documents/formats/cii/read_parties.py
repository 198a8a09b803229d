"""Reads the parties of a CII document and where it was delivered."""

from lxml import etree

from services.documents.formats.cii.names import NO_COUNTRY, TAX_ID, VAT_ID
from services.documents.formats.cii.read_xml import (
    day,
    group,
    groups,
    identifier,
    identifiers,
    needed,
    said,
    text,
    unreadable,
)
from services.documents.model import Address, Buyer, Contact, Delivery, Payee, Seller, TaxRepresentative


def seller(party: etree._Element) -> Seller:
    """BG-4."""
    return Seller(
        name=said(party, "Name"),
        trading_name=text(party, "SpecifiedLegalOrganization/TradingBusinessName"),
        identifiers=identifiers(party),
        legal_id=identifier(group(party, "SpecifiedLegalOrganization/ID")),
        vat_id=_tax_number(party, VAT_ID),
        tax_id=_tax_number(party, TAX_ID),
        legal_information=text(party, "Description"),
        electronic_address=identifier(group(party, "URIUniversalCommunication/URIID")),
        address=_address(needed(party, "PostalTradeAddress")),
        contact=_contact(group(party, "DefinedTradeContact")),
    )


def buyer(party: etree._Element, *, is_minimum: bool) -> Buyer:
    """BG-7; Factur-X's level MINIMUM does not say where the buyer is."""
    return Buyer(
        name=said(party, "Name"),
        trading_name=text(party, "SpecifiedLegalOrganization/TradingBusinessName"),
        identifier=next(iter(identifiers(party)), None),
        legal_id=identifier(group(party, "SpecifiedLegalOrganization/ID")),
        vat_id=_tax_number(party, VAT_ID),
        electronic_address=identifier(group(party, "URIUniversalCommunication/URIID")),
        address=Address(country=NO_COUNTRY) if is_minimum else _address(needed(party, "PostalTradeAddress")),
        contact=_contact(group(party, "DefinedTradeContact")),
    )


def payee(settlement: etree._Element) -> Payee | None:
    """BG-10."""
    if (party := group(settlement, "PayeeTradeParty")) is None:
        return None
    return Payee(
        name=said(party, "Name"),
        identifier=next(iter(identifiers(party)), None),
        legal_id=identifier(group(party, "SpecifiedLegalOrganization/ID")),
    )


def tax_representative(agreement: etree._Element) -> TaxRepresentative | None:
    """BG-11."""
    if (party := group(agreement, "SellerTaxRepresentativeTradeParty")) is None:
        return None
    if (vat_id := _tax_number(party, VAT_ID)) is None:
        raise unreadable(party, "the VAT id is missing")
    return TaxRepresentative(
        name=said(party, "Name"), vat_id=vat_id, address=_address(needed(party, "PostalTradeAddress"))
    )


def delivery(element: etree._Element | None) -> Delivery | None:
    """BG-13."""
    party = group(element, "ShipToTradeParty")
    delivered_on = day(element, "ActualDeliverySupplyChainEvent/OccurrenceDateTime/udt:DateTimeString")
    if party is None and delivered_on is None:
        return None
    address = group(party, "PostalTradeAddress")
    return Delivery(
        party_name=text(party, "Name"),
        location=next(iter(identifiers(party)), None),
        delivered_on=delivered_on,
        address=None if address is None else _address(address),
    )


def _tax_number(party: etree._Element, scheme: str) -> str | None:
    for number in groups(party, "SpecifiedTaxRegistration/ID"):
        if number.get("schemeID") == scheme:
            return (number.text or "").strip() or None
    return None


def _address(element: etree._Element) -> Address:
    return Address(
        line_1=text(element, "LineOne"),
        line_2=text(element, "LineTwo"),
        line_3=text(element, "LineThree"),
        city=text(element, "CityName"),
        post_code=text(element, "PostcodeCode"),
        subdivision=text(element, "CountrySubDivisionName"),
        country=said(element, "CountryID"),
    )


def _contact(element: etree._Element | None) -> Contact | None:
    if element is None:
        return None
    return Contact(
        name=text(element, "PersonName") or text(element, "DepartmentName"),
        telephone=text(element, "TelephoneUniversalCommunication/CompleteNumber"),
        email=text(element, "EmailURIUniversalCommunication/URIID"),
    )
