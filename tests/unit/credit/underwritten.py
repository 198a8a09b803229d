"""Companies that apply, for tests of underwriting: facts as texts, read as the product reads them."""

from datetime import date
from decimal import Decimal

from services.credit.domain.underwriting import Assessment, Facts, Policy, Value, assess, default, parse_value

TODAY = date(2026, 11, 30)

# A German company of eleven years with a good rating, that asks for a little less than it needs.
SOUND = {
    "country": "DE",
    "company_name": "Nordlicht Werkzeuge GmbH",
    "register_number": "HRB 86891",
    "register_court": "Charlottenburg",
    "contact_email": "einkauf@nordlicht.example",
    "typical_order": "4000 EUR",
    "orders_a_month": "4",
    "requested_amount": "20000 EUR",
    "requested_terms": "30",
    "agreement": "true",
    "company_status": "active",
    "registered_on": "2015-01-01",
    "bureau_source": "bureau",
    "bureau_score": "70",
    "sole_trader": "false",
    "settled_invoices": "0",
}
# Everything about it that is asked of those who are looked at by two persons.
PAPERS = {
    "annual_accounts": "d1",
    "annual_accounts_before": "d2",
    "owners": "A. Ek, 60 %",
    "signer": "A. Ek",
    "signer_authority": "d3",
}
# One that is weak wherever it is looked at, with nothing unknown.
WEAK = {
    "bureau_score": "5",
    "registered_on": "2026-08-01",
    "equity_ratio": "-0.10",
    "bank_confirmed": "false",
    "references_asked": "2",
    "references_good": "0",
    "direct_debit": "false",
} | PAPERS
# One that we know from sixty invoices, each paid in time.
KNOWN = {
    "settled_invoices": "60",
    "late_invoices": "0",
    "mean_days_late": "0",
    "broken_promises": "0",
    "overdue_amount": "0 EUR",
    "open_p95": "24000 EUR",
}


def facts_of(texts: dict[str, str | None], currency: str = "EUR", policy: Policy | None = None) -> dict[str, Value]:
    """Facts by their texts; None takes one away."""
    kinds = (policy or default()).facts
    return {key: parse_value(kinds[key], text, currency) for key, text in texts.items() if text is not None}


def a_company(currency: str = "EUR", /, **changes: str | None) -> Facts:
    """The sound company, with some facts otherwise; amounts in another currency are as many units of it."""
    texts = {key: text.replace(" EUR", f" {currency}") for key, text in SOUND.items()}
    return facts_of({**texts, **changes}, currency)


def decided(currency: str = "EUR", /, **changes: str | None) -> Assessment:
    """What the house's own policy makes of it."""
    return assess(default(), a_company(currency, **changes), on=TODAY, currency=currency)


def eur(amount: str | int) -> Decimal:
    """An amount in major units."""
    return Decimal(amount)
