"""Histories of which the truth is known: who is bad, by what that could be seen, and what cannot have been known."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from services.credit.domain.lab import Case, Days, Trial
from services.credit.domain.underwriting import Policy, read

START, SPLIT, END = date(2023, 1, 1), date(2024, 1, 1), date(2024, 12, 31)
DAYS = Days(START, END)

_POLICY = """
language: 1
name: A small one
currency: EUR
currencies: {{SEK: 10}}
facts:
  country: {{kind: text}}
  size: {{kind: text, choices: [micro, small, medium, large]}}
  bureau_score: {{kind: count, most: 100}}
  requested_amount: {{kind: money, given: true, least: 1}}
  requested_terms: {{kind: days, given: true, most: 180}}
  agreement: {{kind: flag, given: true}}
questions:
  - {{key: requested_amount, track: fast}}
  - {{key: agreement, track: fast}}
score:
  base_rate: 0.1
  prior: 0
  floor: 0.003
  grades: [{{grade: A, below: 0.15}}, {{grade: B}}]
  cards:
    - id: all
      characteristics:
        - id: bureau_score
          value: bureau_score
          direction: up
          bins: [{{below: 50, points: 0}}, {{points: 10}}]
          unknown: 0
          reason: R03
          figures: {{source: "'bureau'", value: bureau_score, needed: 50}}
      bands: [{{from: 10, bad: 5, of: 100}}, {{bad: 40, of: 100}}]
payment: {{asked: requested_terms, usual: 30, longest: 90, methods: [transfer], reason: R16, figures: {{asked: requested_terms, days: terms_days}}}}
limit:
  asked: requested_amount
  step: 100
  terms: [{{id: requested, amount: requested_amount, reason: R17}}]
loss: {{given_default: 0.5, security: requested_amount * 0, budget: limit}}
rules:
  - {{id: house, when: {declines}, unknown: pass, then: decline, reason: R17}}
declined_by_person: "false"
conditions: []
"""
CHAMPION = _POLICY.format(declines="requested_amount > 10000")
# Takes large loans in, and leaves out the small ones that go bad most often.
CHALLENGER = _POLICY.format(declines="bureau_score < 50")


def a_trial(challenger: str = CHALLENGER, champion: str = CHAMPION) -> Trial:
    return Trial(read(challenger), _policy(champion), SPLIT)


def _policy(text: str) -> Policy:
    return read(text)


def swapping(size: int, seed: int = 7) -> Iterator[Case]:
    """Half on each side of the split; of each twenty: ten small sound loans, five small bad-rated ones (40 % bad), five large sound ones (10 % bad)."""
    random = Random(seed)
    half = max(size // 2, 1)
    for n in range(size):
        decided_on = (START, SPLIT)[n >= half] + timedelta(days=n % half * 365 // half)
        at, turn = n % 20, n // 20
        large, weak = at >= 15, 10 <= at < 15
        nth = turn * 5 + at % 5
        bad = nth % 10 == 3 if large else nth % 5 < 2 if weak else (turn * 10 + at) % 20 == 1
        amount = Decimal(20_000 if large else 5_000)
        yield Case(
            case_id=f"c{n:06}",
            decided_on=decided_on,
            currency="EUR",
            facts={
                "country": random.choice(("DE", "FR", "SE")),
                "size": random.choice(("micro", "small")),
                "bureau_score": str(random.randrange(0, 50) if weak else random.randrange(50, 100)),
                "requested_amount": f"{amount} EUR",
                "requested_terms": "30",
            },
            known=None,
            drawn=amount,
            bad=bad,
            outcome_on=decided_on + timedelta(days=200),
            lost=amount / 2 if bad else Decimal(0),
        )


def as_table(cases: Iterator[Case]) -> str:
    """The same as a file."""
    listed = list(cases)
    keys = sorted({key for case in listed for key in case.facts})
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["case_id", "decided_on", "currency", "drawn", "outcome_on", "bad", "lost", *keys])
    for case in listed:
        bad = "" if case.bad is None else str(case.bad).lower()
        own = [case.case_id, case.decided_on, case.currency, case.drawn, case.outcome_on or "", bad, case.lost]
        rows.writerow([*own, *(case.facts.get(key, "") for key in keys)])
    return out.getvalue()
