"""The shape of a policy's text: which words stand where. What they mean together is policy.py's."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from services.credit.domain.underwriting.lines import Path, Tree, unknown_key
from services.credit.domain.underwriting.mistakes import MISTAKES_MAX, Mistake, MistakesFound
from services.credit.domain.underwriting.results import Track
from services.credit.domain.underwriting.values import Kind

_PLAIN = re.compile(r"-?[0-9][0-9_]{0,17}(\.[0-9]{1,10})?", re.ASCII)


def _number(text: Any) -> Any:
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise ValueError("a plain number")
    return Decimal(text)


def _flag(text: Any) -> Any:
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


Number = Annotated[Decimal, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(lambda text: int(_number(text)))]
Flag = Annotated[bool, BeforeValidator(_flag)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
# Two of them in a row name an offer.
Lever = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
Choice = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Upper = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,3}$")]
TrackWord = Annotated[Track, BeforeValidator(lambda text: str(text).upper())]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Causes(_Shape):
    """Why the applicant is told it was so."""

    # Of services/kernel/credit_reasons.toml; or "points": why points were lost.
    reason: Code
    # Of the words' figures: formulas.
    figures: dict[Code, Text] = Field(default={}, max_length=20)


class FactShape(_Shape):
    kind: Kind
    valid_days: Annotated[Whole, Field(ge=1, le=36_500)] | None = None
    personal: Flag = False
    given: Flag = False
    secret: Flag = False
    choices: tuple[Choice, ...] = Field(default=(), max_length=300)
    least: Number | None = None
    most: Number | None = None


class QuestionShape(_Shape):
    key: Code
    track: TrackWord
    when: Text = "true"
    required: Flag = True
    alternative: Code | Literal[""] = ""


class BinShape(_Shape):
    # What `is` says; or from the one before's `below` to its own; or all that is left.
    values: tuple[Text, ...] = Field(default=(), alias="is", max_length=300)
    start: Number | None = Field(default=None, alias="from")
    below: Number | None = None
    points: Number


class CharacteristicShape(_Shape):
    id: Code
    value: Text
    # "up": the more the better; "down": the less the better; "none": neither.
    direction: Literal["up", "down", "none"]
    bins: tuple[BinShape, ...] = Field(min_length=1, max_length=50)
    # Points where the value is not known.
    unknown: Number
    # Why points are lost; absent: nothing is said of it, since having more of it only helps.
    reason: Code | None = None
    figures: dict[Code, Text] = Field(default={}, max_length=20)
    # Why points are lost where it is not known; absent: nothing is said of it.
    unknown_reason: Code | None = None
    unknown_figures: dict[Code, Text] = Field(default={}, max_length=20)


class BandShape(_Shape):
    # Points from which it counts; absent: all that is left.
    start: Number | None = Field(default=None, alias="from")
    # How many of how many did not pay.
    bad: Annotated[Whole, Field(ge=0)]
    of: Annotated[Whole, Field(ge=1)]


class CardShape(_Shape):
    id: Code
    when: Text = "true"
    characteristics: tuple[CharacteristicShape, ...] = Field(min_length=1, max_length=40)
    bands: tuple[BandShape, ...] = Field(min_length=1, max_length=30)


class GradeShape(_Shape):
    grade: Code
    below: Number | None = None


class ScoreShape(_Shape):
    # Of all who were ever lent to, which part did not pay.
    base_rate: Annotated[Number, Field(gt=0, lt=1)]
    # How many cases of the base rate stand behind each band, so that a thin one promises nothing.
    prior: Annotated[Number, Field(ge=0, le=100_000)]
    floor: Annotated[Number, Field(ge=0, lt=1)]
    cards: tuple[CardShape, ...] = Field(min_length=1, max_length=5)
    grades: tuple[GradeShape, ...] = Field(min_length=1, max_length=10)


class PaymentRowShape(Causes):
    id: Code
    when: Text
    longest: Annotated[Whole, Field(ge=0, le=365)] | None = None
    methods: tuple[Code, ...] = Field(default=(), max_length=20)


class PaymentShape(Causes):
    # Days to pay that are asked for: a formula.
    asked: Text
    # Where nothing is asked for.
    usual: Annotated[Whole, Field(ge=0, le=365)]
    longest: Annotated[Whole, Field(ge=0, le=365)]
    methods: tuple[Code, ...] = Field(min_length=1, max_length=20)
    rows: tuple[PaymentRowShape, ...] = Field(default=(), max_length=50)


class LimitTermShape(Causes):
    id: Code
    amount: Text | None = None
    by_grade: dict[Code, Number] | None = Field(default=None, max_length=10)


class LimitShape(_Shape):
    asked: Text
    # Limits are multiples of it, rounded down.
    step: Annotated[Number, Field(gt=0)]
    terms: tuple[LimitTermShape, ...] = Field(min_length=1, max_length=20)


class LossShape(_Shape):
    given_default: Annotated[Number, Field(ge=0, le=1)]
    security: Text
    budget: Text


class RuleShape(Causes):
    id: Code
    when: Text
    unknown: Literal["pass", "ask", "standard"]
    then: Literal["standard", "enhanced", "decline"]


class FraudShape(Causes):
    id: Code
    when: Text
    unknown: Literal["pass", "standard"]
    action: Literal["step_up", "refer", "block", "hold"]
    # The flag that says how the step-up went.
    clears: Code | None = None
    shadow: Flag = False


class ConditionShape(Causes):
    id: Code
    when: Text
    # To be paid first; absent: nothing.
    deposit: Text | None = None


class LeverShape(_Shape):
    lever: Lever
    when: Text = "true"
    burden: Annotated[Whole, Field(ge=1, le=100)]
    sets: dict[Code, Text] = Field(alias="set", min_length=1, max_length=5)


class OffersShape(_Shape):
    most: Annotated[Whole, Field(ge=0, le=3)] = 3
    levers: tuple[LeverShape, ...] = Field(default=(), max_length=12)


class PolicyShape(_Shape):
    """A whole policy."""

    language: Literal["1"]
    name: Text
    currency: Upper
    # How many units of another currency one of the policy's is.
    currencies: dict[Upper, Annotated[Number, Field(gt=0)]] = Field(default={}, max_length=200)
    facts: dict[Code, FactShape] = Field(min_length=1, max_length=200)
    questions: tuple[QuestionShape, ...] = Field(min_length=1, max_length=100)
    values: dict[Code, Text] = Field(default={}, max_length=50)
    score: ScoreShape
    payment: PaymentShape
    limit: LimitShape
    loss: LossShape
    rules: tuple[RuleShape, ...] = Field(max_length=60)
    fraud: tuple[FraudShape, ...] = Field(default=(), max_length=40)
    # Categories of goods, as orders name them, that are sold again anywhere.
    resaleable: tuple[Text, ...] = Field(default=(), max_length=200)
    # A condition under which a person decides where the engine would decline: natural persons have a right to it.
    declined_by_person: Text
    conditions: tuple[ConditionShape, ...] = Field(default=(), max_length=10)
    offers: OffersShape = OffersShape()


def read_shape(tree: Tree) -> PolicyShape:
    """The text as words that stand where they belong; raise MistakesFound where they do not."""
    try:
        return PolicyShape.model_validate(tree.content)
    except ValidationError as error:
        found = sorted({_mistake(tree, dict(one)) for one in error.errors(include_url=False, include_input=False)})
        raise MistakesFound(tuple(found[:MISTAKES_MAX])) from error


def _mistake(tree: Tree, error: dict[str, Any]) -> Mistake:
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    line, word = tree.line(path), str(path[-1]) if path else "the text"
    match error["type"]:
        case "missing":
            return Mistake(line, "key_missing", f"{word} is missing here")
        case "extra_forbidden":
            return Mistake(line, "key_unknown", unknown_key(word, _words(path)))
    return Mistake(line, "value", f"{word}: {_plainly(str(error['msg']))}")


def _plainly(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input should be ")


def _words(path: Path) -> list[str]:
    """The words that go where a path ends."""
    shape: Any = PolicyShape
    for part in path[:-1]:
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            shape = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}.get(str(part))
        else:  # a list or table of shapes
            shape = next((one for one in getattr(shape, "__args__", ()) if isinstance(one, type)), None)
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return [field.alias or name for name, field in shape.model_fields.items()]
    return []
