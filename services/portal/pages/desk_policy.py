"""What applications are decided by, at the seller's desk: read, proposed by one person, activated by another."""

import asyncio
from typing import Any

from fastapi.responses import Response
from receivables.credit.v1 import applications_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused
from services.portal.domain import policies
from services.portal.domain.applications import is_theirs
from services.portal.domain.people import Guard
from services.portal.pages.desk_names import names_of
from services.portal.web import PAGE, Ask, attachment, get, post

READS = Guard(frozenset({"CREDIT", "SELLER_ADMIN", "AUDITOR"}))
PROPOSES = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}), assurance=2, step_up=True)
ACTIVATES = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}), assurance=2, step_up=True)
TEXT_MAX = 200_000  # characters
_BYTES_MAX = 4 * TEXT_MAX
RULES_MOST = 100  # a policy has fewer
LINES_MOST = 5_000  # of a text, on a page; the file has all


@get("/desk/policy", READS)
async def policy(ask: Ask) -> Response:
    """What decides now, what was proposed, and how often the rules on fraud were right."""
    return await _show_policies(ask)


async def _show_policies(ask: Ask, status: int = 200, refused: str = "") -> Response:
    request = applications_pb2.ListPolicyTextsRequest(page_size=PAGE, page_token=ask.query("after"))
    active, listed, rules = await asyncio.gather(
        _policy(ask, ""),
        ask.of.policies("ListPolicyTexts", request),
        ask.of.credit("ListFraudRules", credit_pb2.ListFraudRulesRequest(page_size=RULES_MOST)),
    )
    return ask.show(
        "desk_policy.html",
        status,
        active=active,
        rows=listed.policies,
        next_token=listed.next_page_token,
        rules=rules.rules,
        is_theirs=is_theirs,
        refused=refused,
        names=await names_of(ask, _actors(active, *listed.policies)),
        **_text(active),
    )


@post("/desk/policy/rules/restore", PROPOSES)
async def restore_rule(ask: Ask) -> Response:
    """Ask that a rule on fraud stops something again, or agree with whoever asked."""
    request = credit_pb2.RestoreFraudRuleRequest(rule=ask.typed("rule"))
    try:
        await ask.of.credit("RestoreFraudRule", request, ask.write())
    except Refused as refused:
        return await _show_policies(ask, 422, ask.refused(refused))
    return ask.go("/desk/policy")


def _actors(*texts: Any) -> list[str]:
    return [who for one in texts for who in (one.proposed_by, one.activated_by)]


async def _policy(ask: Ask, policy_id: str) -> Any:
    request = applications_pb2.GetPolicyTextRequest(policy_id=policy_id)
    return (await ask.of.policies("GetPolicyText", request)).policy


def _text(shown: Any) -> dict[str, Any]:
    lines = shown.text.splitlines()
    return {"lines": lines[:LINES_MOST], "left_off": len(lines) - LINES_MOST}


@get("/desk/policy/new", PROPOSES)
async def new_policy(ask: Ask) -> Response:
    """A form for another text, which begins as the one that decides now."""
    return ask.show("desk_policy_new.html", text=(await _policy(ask, "")).text, mistakes=())


@post("/desk/policy/new", PROPOSES)
async def propose(ask: Ask) -> Response:
    """Keep a text that has no mistake, for somebody else to activate; else say each mistake beside its line."""
    text, of = "", ask.of.patiently()
    try:
        text = await _typed(ask)
        checked = await of.policies("CheckPolicyText", applications_pb2.CheckPolicyTextRequest(text=text))
        if checked.mistakes:
            return _show_mistakes(ask, text, checked.mistakes)
        request = applications_pb2.ProposePolicyTextRequest(text=text)
        kept = await of.policies("ProposePolicyText", request, ask.write(ask.line("why")))
    except (Refused, Invalid) as refused:
        errors = {"text": ask.refused(refused)}
        return ask.show("desk_policy_new.html", 422, text=text[:TEXT_MAX], mistakes=(), errors=errors)
    return ask.go(f"/desk/policy/{kept.policy.policy_id}")


def _show_mistakes(ask: Ask, text: str, mistakes: Any) -> Response:
    lines = text.split("\n")
    beside = [(one, lines[one.line - 1] if 0 < one.line <= len(lines) else "") for one in mistakes]
    said = ask.words.say_many(
        "The text has %(num)s mistake: nothing was kept.",
        "The text has %(num)s mistakes: nothing was kept.",
        len(beside),
    )
    return ask.show(
        "desk_policy_new.html",
        422,
        text=text,
        mistakes=beside,
        errors={"text": said},
        figures=policies.figures,
    )


async def _typed(ask: Ask) -> str:
    """The text of the file, if there is one, else of the field."""
    if (file := ask.file("file")) is None:
        text = str(ask.form.get("text", "")).replace("\r\n", "\n")
    else:
        try:
            text = (await file.read(_BYTES_MAX + 1)).decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise Invalid("policy_file.no_text", "the file is no text in UTF-8") from None
    if not text.strip():
        raise Invalid("policy_file.empty", "there is no text")
    if len(text) > TEXT_MAX:
        raise Invalid("policy_file.too_large", f"a policy has at most {TEXT_MAX:,} characters")
    return text


@get("/desk/policy/{policy}", READS)
async def one_policy(ask: Ask) -> Response:
    """One text, and what it changes."""
    return await _show_policy(ask)


async def _show_policy(ask: Ask, status: int = 200, refused: str = "") -> Response:
    shown, active = await asyncio.gather(_policy(ask, ask.path("policy")), _policy(ask, ""))
    changes = await asyncio.to_thread(policies.changes, active.text, shown.text)
    return ask.show(
        "desk_policy_text.html",
        status,
        policy=shown,
        active=active,
        changes=changes[:LINES_MOST],
        is_proposers=is_theirs(ask.person, shown.proposed_by),
        refused=refused,
        names=await names_of(ask, _actors(shown)),
        **_text(shown),
    )


@get("/desk/policy.yaml", READS)
async def policy_file(ask: Ask) -> Response:
    """A text as a file; ?policy= names which, else what decides now."""
    shown = await _policy(ask, ask.query("policy"))
    return attachment(shown.text.encode(), "text/plain; charset=utf-8", f"policy-{shown.policy_id[:12]}.yaml")


@post("/desk/policy/{policy}/activate", ACTIVATES)
async def activate(ask: Ask) -> Response:
    """Decide by it from now on."""
    request = applications_pb2.ActivatePolicyTextRequest(policy_id=ask.path("policy"))
    try:
        await ask.of.policies("ActivatePolicyText", request, ask.write(ask.line("why")))
    except Refused as refused:
        return await _show_policy(ask, 422, ask.refused(refused))
    return ask.go("/desk/policy")
