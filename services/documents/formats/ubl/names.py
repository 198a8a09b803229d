"""UBL's namespaces and the codes with which it says what EN 16931 means."""

from typing import Final

INVOICE: Final = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CREDIT_NOTE: Final = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
CAC_URI: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC_URI: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
ROOTS: Final = frozenset({f"{{{INVOICE}}}Invoice", f"{{{CREDIT_NOTE}}}CreditNote"})
CAC: Final = f"{{{CAC_URI}}}"
CBC: Final = f"{{{CBC_URI}}}"

VAT: Final = "VAT"
OTHER_TAX: Final = "TAX"  # any scheme but VAT marks BT-32
SEPA: Final = "SEPA"  # the scheme that marks BT-90 among a party's identifiers
OBJECT: Final = "130"  # the document type that marks BT-18 and BT-128
PROJECT: Final = "50"  # a credit note has no ProjectReference; this document type marks BT-11
NOT_AVAILABLE: Final = "NA"  # what UBL demands and EN 16931 has no term for
MEANS_NOT_DEFINED: Final = "1"  # a credit note's due date needs payment means (UNTDID 4461: not defined)

# Why UBL lacks what it lacks, by BT number.
REASONS: Final = {
    "BT-158": "UBL has no place for the version of a scheme that is not said",
    "xrechnung:sub-lines": "only a document that claims XRechnung's extension (BT-24) has a place for it",
    "xrechnung:third-party-payments": "only a document that claims XRechnung's extension (BT-24) has a place for it",
    "BT-147": "UBL has a discount only beside a gross price",
    "BT-150": "it is the unit of the line",
    "BT-111": "it is only written beside the currency that it is in (BT-6)",
}
