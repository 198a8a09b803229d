"""A policy tried on the past before it decides anything (RULES: tried on the past): trials, figures, report."""

from services.credit.domain.lab.report import REPORT, Days, report
from services.credit.domain.lab.runs import CaseRefused, Run, check_days
from services.credit.domain.lab.tally import Tally, Trial, try_on
from services.kernel.histories import Case, LineRefused, check_case, read_history

__all__ = [
    "REPORT",
    "Case",
    "CaseRefused",
    "Days",
    "LineRefused",
    "Run",
    "Tally",
    "Trial",
    "check_case",
    "check_days",
    "read_history",
    "report",
    "try_on",
]
