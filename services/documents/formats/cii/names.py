"""CII's namespaces and the codes with which it says what EN 16931 means."""

from typing import Final

RSM: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM: Final = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT: Final = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT: Final = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
SPACES: Final = {"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT}
ROOTS: Final = frozenset({f"{{{RSM}}}CrossIndustryInvoice"})

VAT: Final = "VAT"
VAT_ID: Final = "VA"  # the scheme of BT-31, BT-48 and BT-63
TAX_ID: Final = "FC"  # the scheme of BT-32
NO_COUNTRY: Final = "ZZ"  # a country that a document does not say (CLDR's code of the unknown region)
DAY: Final = "102"  # a date as CCYYMMDD (UNTDID 2379)

# The types of additional documents (UNTDID 1001).
SUPPORTING: Final = "916"
TENDER: Final = "50"
OBJECT: Final = "130"

# BT-8: UBL's codes (UNTDID 2005), which the model has, and CII's (UNTDID 2475).
TAX_POINT_CODES: Final = {"3": "5", "35": "29", "432": "72"}

# Why CII lacks what it lacks, by BT number.
REASONS: Final = {
    "BT-147": "CII has a discount only beside a gross price",
    "BT-150": "it is the unit of the line",
    "BT-111": "it is only written beside the currency that it is in (BT-6)",
    "BT-29": "CII tells identifiers without a scheme before those with one",
    "BG-3": "CII D16B has room for one preceding invoice",
    "xrechnung:sub-lines": "XRechnung's extension is written in UBL only",
    "xrechnung:third-party-payments": "XRechnung's extension is written in UBL only",
    "extensions": "EN 16931 has no term for it",
    "BT-158": "CII has no place for the version of a scheme that is not said",
}
