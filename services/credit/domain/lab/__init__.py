"""A policy tried on the past before it decides anything (RULES: tried on the past): cases, figures, report."""

from services.credit.domain.lab.cases import Case, CaseRefused, LineRefused, check_case, check_days, read_history
from services.credit.domain.lab.report import REPORT, Days, report
from services.credit.domain.lab.tally import Tally, Trial, try_on

__all__ = [
    "REPORT",
    "Case",
    "CaseRefused",
    "Days",
    "LineRefused",
    "Tally",
    "Trial",
    "check_case",
    "check_days",
    "read_history",
    "report",
    "try_on",
]
