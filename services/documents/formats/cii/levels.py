"""What the lower levels of Factur-X have no room for: their schemas are subsets of EN 16931's CII."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.documents.formats import xml
from services.documents.formats.cii.names import REASONS
from services.documents.formats.cii.write_xml import steps
from services.documents.formats.xml import Group
from services.documents.model import FACTURX_BASIC, FACTURX_BASIC_WL, FACTURX_MINIMUM

_TRADE: Final = "rsm:SupplyChainTradeTransaction"
_AGREEMENT: Final = f"{_TRADE}/ApplicableHeaderTradeAgreement"
_DELIVERY: Final = f"{_TRADE}/ApplicableHeaderTradeDelivery"
_SETTLEMENT: Final = f"{_TRADE}/ApplicableHeaderTradeSettlement"
_LINE: Final = f"{_TRADE}/IncludedSupplyChainTradeLineItem"
_SUMS: Final = f"{_SETTLEMENT}/SpecifiedTradeSettlementHeaderMonetarySummation"

_HEAD_OF_BASIC = (
    f"{_AGREEMENT}/SellerTradeParty/Description",
    f"{_AGREEMENT}/SellerTradeParty/DefinedTradeContact",
    f"{_AGREEMENT}/BuyerTradeParty/DefinedTradeContact",
    f"{_AGREEMENT}/BuyerTradeParty/SpecifiedLegalOrganization/TradingBusinessName",
    f"{_AGREEMENT}/SellerOrderReferencedDocument",
    f"{_AGREEMENT}/AdditionalReferencedDocument",
    f"{_AGREEMENT}/SpecifiedProcuringProject",
    f"{_DELIVERY}/ReceivingAdviceReferencedDocument",
    *(
        f"{_SETTLEMENT}/SpecifiedTradeSettlementPaymentMeans/{part}"
        for part in (
            "Information",
            "ApplicableTradeSettlementFinancialCard",
            "PayeePartyCreditorFinancialAccount/AccountName",
            "PayeeSpecifiedCreditorFinancialInstitution",
        )
    ),
    f"{_SUMS}/RoundingAmount",
)
_LINES_OF_BASIC = tuple(
    f"{_LINE}/{part}"
    for part in (
        "SpecifiedTradeProduct/SellerAssignedID",
        "SpecifiedTradeProduct/BuyerAssignedID",
        "SpecifiedTradeProduct/Description",
        "SpecifiedTradeProduct/ApplicableProductCharacteristic",
        "SpecifiedTradeProduct/DesignatedProductClassification",
        "SpecifiedTradeProduct/OriginTradeCountry",
        "SpecifiedLineTradeAgreement/BuyerOrderReferencedDocument",
        "SpecifiedLineTradeSettlement/AdditionalReferencedDocument",
        "SpecifiedLineTradeSettlement/ReceivableSpecifiedTradeAccountingAccount",
    )
)
_ADDRESS = ("PostcodeCode", "LineOne", "LineTwo", "LineThree", "CityName", "CountrySubDivisionName")
_MINIMUM = (
    "rsm:ExchangedDocument/IncludedNote",
    f"{_AGREEMENT}/SellerTradeParty/ID",
    f"{_AGREEMENT}/SellerTradeParty/GlobalID",
    *(f"{_AGREEMENT}/SellerTradeParty/PostalTradeAddress/{part}" for part in _ADDRESS),
    f"{_AGREEMENT}/BuyerTradeParty/ID",
    f"{_AGREEMENT}/BuyerTradeParty/GlobalID",
    f"{_AGREEMENT}/BuyerTradeParty/PostalTradeAddress",
    f"{_AGREEMENT}/BuyerTradeParty/SpecifiedTaxRegistration",
    *(f"{_AGREEMENT}/{party}/URIUniversalCommunication" for party in ("SellerTradeParty", "BuyerTradeParty")),
    f"{_AGREEMENT}/SellerTradeParty/SpecifiedLegalOrganization/TradingBusinessName",
    f"{_AGREEMENT}/SellerTaxRepresentativeTradeParty",
    f"{_AGREEMENT}/ContractReferencedDocument",
    f"{_DELIVERY}/*",
    *(
        f"{_SETTLEMENT}/{part}"
        for part in (
            "CreditorReferenceID",
            "PaymentReference",
            "TaxCurrencyCode",
            "PayeeTradeParty",
            "SpecifiedTradeSettlementPaymentMeans",
            "ApplicableTradeTax",
            "BillingSpecifiedPeriod",
            "SpecifiedTradeAllowanceCharge",
            "SpecifiedTradePaymentTerms",
            "InvoiceReferencedDocument",
            "ReceivableSpecifiedTradeAccountingAccount",
        )
    ),
    *(
        f"{_SUMS}/{part}"
        for part in (
            "LineTotalAmount",
            "ChargeTotalAmount",
            "AllowanceTotalAmount",
            "TaxTotalAmount[2]",
            "TotalPrepaidAmount",
        )
    ),
)
# By BT-24: the paths that the level lacks.
LACKING: Mapping[str, tuple[str, ...]] = {
    FACTURX_BASIC: (*_HEAD_OF_BASIC, *_LINES_OF_BASIC),
    FACTURX_BASIC_WL: (_LINE, *_HEAD_OF_BASIC),
    FACTURX_MINIMUM: (_LINE, *_HEAD_OF_BASIC, *_MINIMUM),
}


def reasons(specification: str) -> Mapping[str, str] | None:
    """Why a lower level lacks whatever it lacks; None of what is no lower level."""
    if specification not in LACKING:
        return None
    return {
        "": f"Factur-X's level {specification.rpartition(':')[2].upper()} has no room for it",
        "extensions": REASONS["extensions"],
    }


def narrow(root: Group, specification: str) -> None:
    """Take out of a document what the level that BT-24 claims has no room for."""
    for path in LACKING.get(specification, ()):
        _remove(root, steps(path))


def _remove(group: Group, path: Sequence[str]) -> None:
    """Remove what is at a path, and the groups that are left empty; but the head's three parts stand in every document."""
    step, *way = path
    name, _, place = step.rstrip("]").partition("[")
    found = [at for at, part in enumerate(group) if at and (name == "*" or xml.is_named(part, name))]
    for at in reversed(found if not place else found[int(place) - 1 :][:1]):
        part = group[at]
        if not way:
            del group[at]
        elif isinstance(part, list) and len(part) > 1:
            _remove(part, way)
            if len(part) == 1 and "ApplicableHeader" not in str(part[0]):
                del group[at]
