"""What the sources that the demo has are asked by tests, and how what they tell is read."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from deploy.local import sources as played
from services.chassis.envelope import Origin
from services.credit.settings import Settings, Source
from services.credit.sources import Gathered, Question
from services.kernel.calendars import day
from services.kernel.money import decimal
from services.kernel.refusals import Invalid

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ORIGIN = Origin("acme", "user:ada", "", "", "")
SLOW_S = 2.0
EVERYBODY = set(played.FACTS)


def read_money(text: str) -> object:
    return decimal(text.removesuffix(" GBP"), what="the amount")


def read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise Invalid("fact.value", "no flag")
    return text == "true"


def read_number(text: str) -> object:
    return decimal(text, what="a number")


READERS: dict[str, Callable[[str], object]] = {
    "registered_on": partial(day, what="the day"),
    **dict.fromkeys(("bureau_limit", "insurer_limit", "tangible_net_worth"), read_money),
    **dict.fromkeys(("dormant_revived", "sole_trader", "bank_confirmed"), read_flag),
    **dict.fromkeys(("company_name", "company_status", "sector", "size", "lei", "bureau_source"), str),
    **dict.fromkeys(("registry_change_days", "bank_account_age_days", "bureau_score"), read_number),
    **dict.fromkeys(("equity_ratio", "insurer_coverage", "bank_holder_similarity"), read_number),
}


def about(number: str, *wanted: str, **known: str) -> Question:
    """A question about a company by its number; about all that anybody knows, unless keys are named."""
    subject = {"country": "GB", "register_number": number, "iban": "GB33BUKB20201555555555"} | known
    return Question(subject, {key: READERS[key] for key in wanted or READERS}, NOW)


def told(gathered: Gathered, key: str) -> dict[str, str]:
    """What each source says of it."""
    return {fact.source: fact.value for fact in gathered.found if fact.key == key}


def given(setting: str, **changes: Any) -> dict[str, Source]:
    """What the setting says, each source with these changes."""
    read = Settings.model_validate({"database_url": "postgresql:///credit", "credit_sources": setting}).credit_sources
    return {name: source.model_copy(update=changes) for name, source in read.items()}
