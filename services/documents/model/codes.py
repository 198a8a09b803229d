"""The codes that decide how a document is treated."""

from enum import StrEnum

# BT-24: which rules a document claims to obey.
CORE = "urn:cen.eu:en16931:2017"
PEPPOL = f"{CORE}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PEPPOL_SELF_BILLING = f"{CORE}#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0"
XRECHNUNG = f"{CORE}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
XRECHNUNG_EXTENSION = f"{XRECHNUNG}#conformant#urn:xeinkauf.de:kosit:extension:xrechnung_3.0"
# The levels of Factur-X; its level EN16931 claims the core itself.
FACTURX_MINIMUM = "urn:factur-x.eu:1p0:minimum"
FACTURX_BASIC_WL = "urn:factur-x.eu:1p0:basicwl"
FACTURX_BASIC = f"{CORE}#compliant#urn:factur-x.eu:1p0:basic"
FACTURX_EXTENDED = f"{CORE}#conformant#urn:factur-x.eu:1p0:extended"
# They hold no lines: extracts for booking, not whole invoices.
EXTRACTS = frozenset({FACTURX_MINIMUM, FACTURX_BASIC_WL})


class TypeCode(StrEnum):
    """What kind of document it is (BT-3): the usual ones of UNTDID 1001; a document may carry others."""

    INVOICE = "380"
    CREDIT_NOTE = "381"
    DEBIT_NOTE = "383"
    CORRECTED = "384"
    PREPAYMENT = "386"
    SELF_BILLED = "389"
    FACTORED = "393"
    SELF_BILLED_CREDIT_NOTE = "261"
    FACTORED_CREDIT_NOTE = "396"


# UNTDID 1001 as EN 16931 allows it (BR-CL-01): which codes are an invoice, which give money back.
INVOICE_CODES = frozenset(
    """71 80 82 84 102 130 202 203 204 211 218 219 295 325 326 331 380 382 383 384 385 386 387 388 389 390 393 394 395
    456 457 471 472 473 500 501 527 553 575 623 633 751 780 817 870 875 876 877 935""".split()
)
CREDIT_NOTE_CODES = frozenset("81 83 261 262 296 308 381 396 420 458 502 503 532".split())


class VatCategory(StrEnum):
    """How VAT treats a supply (UNTDID 5305, the part that EN 16931 allows)."""

    STANDARD = "S"
    ZERO_RATED = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"
    IGIC = "L"  # Canary Islands
    IPSI = "M"  # Ceuta and Melilla
    SPLIT_PAYMENT = "B"  # Italian domestic
