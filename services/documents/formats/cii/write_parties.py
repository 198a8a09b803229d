"""Writes the parties of a CII document and where it was delivered."""

from services.documents.formats.cii.names import TAX_ID, VAT_ID
from services.documents.formats.cii.write_xml import group, identifier, marked, text
from services.documents.formats.xml import Group
from services.documents.model import (
    Address,
    Buyer,
    Contact,
    Delivery,
    Identifier,
    Payee,
    Seller,
    TaxRepresentative,
)


def seller(parent: Group, party: Seller) -> None:
    """BG-4."""
    element = group(parent, "SellerTradeParty")
    for known_as in sorted(party.identifiers, key=lambda known_as: known_as.scheme is not None):
        identifier(element, known_as)
    text(element, "Name", party.name)
    text(element, "Description", party.legal_information)
    _organisation(element, party.legal_id, party.trading_name)
    _contact(element, party.contact)
    _address(element, party.address)
    _electronic(element, party.electronic_address)
    marked(element, "SpecifiedTaxRegistration/ID", party.vat_id, schemeID=VAT_ID)
    marked(element, "SpecifiedTaxRegistration/ID", party.tax_id, schemeID=TAX_ID)


def buyer(parent: Group, party: Buyer) -> None:
    """BG-7."""
    element = group(parent, "BuyerTradeParty")
    identifier(element, party.identifier)
    text(element, "Name", party.name)
    _organisation(element, party.legal_id, party.trading_name)
    _contact(element, party.contact)
    _address(element, party.address)
    _electronic(element, party.electronic_address)
    marked(element, "SpecifiedTaxRegistration/ID", party.vat_id, schemeID=VAT_ID)


def tax_representative(parent: Group, party: TaxRepresentative | None) -> None:
    """BG-11."""
    if party is not None:
        element = group(parent, "SellerTaxRepresentativeTradeParty")
        text(element, "Name", party.name)
        _address(element, party.address)
        marked(element, "SpecifiedTaxRegistration/ID", party.vat_id, schemeID=VAT_ID)


def payee(parent: Group, party: Payee | None) -> None:
    """BG-10."""
    if party is not None:
        element = group(parent, "PayeeTradeParty")
        identifier(element, party.identifier)
        text(element, "Name", party.name)
        _organisation(element, party.legal_id, None)


def ship_to(parent: Group, what: Delivery) -> None:
    """BT-70, BT-71, BG-15."""
    if what.party_name is None and what.location is None and what.address is None:
        return
    element = group(parent, "ShipToTradeParty")
    identifier(element, what.location)
    text(element, "Name", what.party_name)
    if what.address is not None:
        _address(element, what.address)


def _organisation(element: Group, legal_id: Identifier | None, trading_name: str | None) -> None:
    if legal_id is None and trading_name is None:
        return
    organisation = group(element, "SpecifiedLegalOrganization")
    if legal_id is not None:
        marked(organisation, "ID", legal_id.value, schemeID=legal_id.scheme)
    text(organisation, "TradingBusinessName", trading_name)


def _contact(element: Group, contact: Contact | None) -> None:
    if contact is not None:
        who = group(element, "DefinedTradeContact")
        text(who, "PersonName", contact.name)
        text(who, "TelephoneUniversalCommunication/CompleteNumber", contact.telephone)
        text(who, "EmailURIUniversalCommunication/URIID", contact.email)


def _address(element: Group, address: Address) -> None:
    where = group(element, "PostalTradeAddress")
    text(where, "PostcodeCode", address.post_code)
    text(where, "LineOne", address.line_1)
    text(where, "LineTwo", address.line_2)
    text(where, "LineThree", address.line_3)
    text(where, "CityName", address.city)
    text(where, "CountryID", address.country)
    text(where, "CountrySubDivisionName", address.subdivision)


def _electronic(element: Group, address: Identifier | None) -> None:
    if address is not None:
        marked(element, "URIUniversalCommunication/URIID", address.value, schemeID=address.scheme)
