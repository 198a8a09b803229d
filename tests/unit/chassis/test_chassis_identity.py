"""Tokens: what is let in, and what each that is not ours, not for us or not valid now is refused for."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.trust import Issuers, operator, person
from services.chassis import identity
from services.chassis.identity import Part, Principal, Signer, Trust, Verifier, issuer_file, new_key
from services.kernel.refusals import Forbidden, Refusal, Unauthenticated

ADA = person("user:ada", "acme", roles=["AUDITOR"])


@pytest.fixture
def issuers(tmp_path: Path) -> Issuers:
    """A portal, an operator, and two services."""
    return Issuers(tmp_path).make(["credit", "notifications"])


@pytest.fixture
def verifier(issuers: Issuers, looking: None) -> Verifier:
    """As credit has it."""
    return Verifier(Trust(issuers.trust), "credit")


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trusted issuers are looked at each time."""
    monkeypatch.setattr(identity, "LOOK_S", 0.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the system's clock stand."""

    def stands(at: float) -> None:
        monkeypatch.setattr("services.chassis.identity.time.time", lambda: at)

    return stands


def refused(verifier: Verifier, token: str) -> str:
    with pytest.raises(Refusal) as why:
        verifier.verify(token)
    return why.value.code


def claims(**changes: Any) -> dict[str, Any]:
    """What the portal says of Ada; what is None is not said."""
    now = int(time.time())
    said = {
        "iss": "portal",
        "aud": "credit",
        "sub": "user:ada",
        "ten": "acme",
        "rol": ["AUDITOR"],
        "aal": 2,
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def signed(issuers: Issuers, said: Mapping[str, Any], *, by: str = "portal", **header: Any) -> str:
    key = ECKey.import_key(issuers.key(by).read_text())
    return jwt.encode({"alg": "ES256", "typ": "ar+jwt", "kid": key.thumbprint(), **header}, dict(said), key)


def written(header: Mapping[str, Any] | str, payload: Mapping[str, Any] | str, signature: bytes = b"") -> str:
    """A token that no library would write."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    return ".".join(_base64(part) for part in (*(part.encode() for part in parts), signature))


def _base64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def header_of(issuers: Issuers) -> dict[str, Any]:
    return {"alg": "ES256", "typ": "ar+jwt", "kid": ECKey.import_key(issuers.key("portal").read_text()).thumbprint()}


def test_who_calls_is_what_was_signed(issuers: Issuers, verifier: Verifier):
    said = Principal(
        "contact:b",
        "acme",
        "portal",
        roles=frozenset({"AP_CLERK", "REQUESTER"}),
        accounts=frozenset({"b1", "b2"}),
        parts=(Part(site="north"), Part(cost_centre="7", purchase_order="PO-1")),
        assurance=2,
        on_behalf_of="contact:a",
    )

    principal, issuer = verifier.verify(issuers.signer("portal").sign(said, "credit"))

    assert principal == said
    assert issuer.workloads == {"portal"}
    assert principal.actor == "contact:b for contact:a"


def test_a_service_and_an_operator_vouch_for_themselves(issuers: Issuers, verifier: Verifier):
    notifications = Principal("service:notifications", "acme", "notifications")

    for principal in (notifications, operator()):
        token = issuers.signer(principal.issuer).sign(principal, "credit")
        assert verifier.verify(token)[0] == principal


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "ledger"}, "identity.audience"),
        ({"aud": None}, "identity.audience"),
        ({"aud": ["credit", "ledger"]}, "identity.audience"),
        ({"iss": "operator"}, "identity.key_unknown"),
        ({"iss": "nobody"}, "identity.key_unknown"),
        ({"iss": "../trust/portal"}, "identity.key_unknown"),
        ({"iss": None}, "identity.malformed"),
        ({"exp": None}, "identity.malformed"),
        ({"iat": None}, "identity.malformed"),
        ({"exp": "never"}, "identity.malformed"),
        ({"iat": 0}, "identity.malformed"),
        ({"exp": True}, "identity.malformed"),
        ({"sub": None}, "identity.malformed"),
        ({"sub": "ada"}, "identity.malformed"),
        ({"sub": "root:ada"}, "identity.malformed"),
        ({"sub": "user:"}, "identity.malformed"),
        ({"sub": "user:Jane Doe"}, "identity.malformed"),
        ({"sub": "user:jane@doe.example"}, "identity.malformed"),
        ({"sub": "user:ada\n"}, "identity.malformed"),
        ({"sub": "user:ada for user:bo"}, "identity.malformed"),
        ({"sub": f"user:{'a' * 90}"}, "identity.malformed"),
        ({"ten": "Acme"}, "identity.malformed"),
        ({"ten": "acme,globex"}, "identity.malformed"),
        ({"ten": ["acme"]}, "identity.malformed"),
        ({"rol": "AUDITOR"}, "identity.malformed"),
        ({"rol": [["AUDITOR"]]}, "identity.malformed"),
        ({"acc": "b1"}, "identity.malformed"),
        ({"acc": [1]}, "identity.malformed"),
        ({"scp": ["north"]}, "identity.malformed"),
        ({"scp": [["north"]]}, "identity.malformed"),
        ({"aal": 3}, "identity.malformed"),
        ({"aal": True}, "identity.malformed"),
        ({"aal": "2"}, "identity.malformed"),
        ({"for": "ada"}, "identity.malformed"),
        ({"for": []}, "identity.malformed"),
        ({"rol": ["OPERATOR"]}, "identity.beyond_issuer"),
        ({"rol": ["AP_CLERK"]}, "identity.beyond_issuer"),
        ({"sub": "service:credit", "rol": []}, "identity.beyond_issuer"),
        ({"for": "service:credit"}, "identity.beyond_issuer"),
        ({"sub": "contact:c1", "rol": ["AP_CLERK"]}, "identity.accounts_missing"),
        ({"sub": "contact:c1", "rol": ["AP_CLERK"], "acc": []}, "identity.accounts_missing"),
        ({"sub": "key:buyers-erp", "rol": ["AP_CLERK"]}, "identity.accounts_missing"),
        ({"sub": "key:buyers-erp", "rol": ["AP_CLERK"], "acc": []}, "identity.accounts_missing"),
    ],
)
def test_what_the_portal_may_not_say_is_refused(issuers: Issuers, verifier: Verifier, changes: Any, code: str):
    assert refused(verifier, signed(issuers, claims(**changes))) == code


@pytest.mark.parametrize(
    "principal",
    [
        replace(ADA, tenant="globex"),
        replace(ADA, subject="user:bo"),
        replace(ADA, subject="key:erp"),
        replace(ADA, roles=frozenset({"AUDITOR", "CREDIT"})),
        replace(ADA, on_behalf_of="user:boss"),
    ],
)
def test_an_issuer_vouches_for_its_own_alone(issuers: Issuers, verifier: Verifier, principal: Principal):
    key = new_key()
    text = issuer_file([key], subjects=["user:ada"], roles=["AUDITOR"], tenants=["acme"], workloads=["bi"])
    (issuers.trust / "bi.json").write_text(text)
    bi = Signer("bi", lambda: key)
    assert verifier.verify(bi.sign(ADA, "credit"))[0] == replace(ADA, issuer="bi")

    assert refused(verifier, bi.sign(principal, "credit")) == "identity.beyond_issuer"


def test_a_token_of_a_key_that_nobody_has_published_is_refused(verifier: Verifier):
    """ASVS 9.1.3: keys come from our own folder, whatever a token says."""
    key = new_key()
    stranger = Signer("portal", lambda: key)

    assert refused(verifier, stranger.sign(ADA, "credit")) == "identity.key_unknown"


def test_a_token_with_the_id_of_a_key_that_did_not_sign_it_is_refused(issuers: Issuers, verifier: Verifier):
    kid = header_of(issuers)["kid"]
    public = ECKey.import_key(issuers.key("operator").read_text()).as_dict(private=False)

    assert refused(verifier, signed(issuers, claims(), by="operator", kid=kid)) == "identity.signature"
    assert refused(verifier, signed(issuers, claims(), by="operator", kid=kid, jwk=public)) == "identity.signature"


def test_a_token_that_was_changed_after_it_was_signed_is_refused(issuers: Issuers, verifier: Verifier):
    """ASVS 9.1.1: its signature holds all of it."""
    head, _, signature = signed(issuers, claims()).split(".")
    _, other, _ = signed(issuers, claims(ten="globex")).split(".")

    assert refused(verifier, f"{head}.{other}.{signature}") == "identity.signature"
    assert refused(verifier, f"{head}.{other}.") == "identity.signature"
    assert refused(verifier, written(header_of(issuers) | {"crit": 1}, claims())) == "identity.signature"


def test_a_token_that_is_not_signed_is_refused(issuers: Issuers, verifier: Verifier):
    """ASVS 9.1.2: `none` is no algorithm."""
    for algorithm in ("none", "None", "NONE"):
        token = written(header_of(issuers) | {"alg": algorithm}, claims())
        assert refused(verifier, token) == "identity.algorithm"


def test_a_public_key_is_no_secret_to_sign_with(issuers: Issuers, verifier: Verifier):
    """ASVS 9.1.2: nor is a symmetric one."""
    key = ECKey.import_key(issuers.key("portal").read_text())
    header, payload = header_of(issuers) | {"alg": "HS256"}, claims()
    said = written(header, payload).rsplit(".", 1)[0]
    public = json.loads((issuers.trust / "portal.json").read_text())["keys"][0]
    for secret in (key.as_pem(private=False), json.dumps(public).encode(), public["x"].encode()):
        signature = hmac.new(secret, said.encode(), hashlib.sha256).digest()
        assert refused(verifier, f"{said}.{_base64(signature)}") == "identity.algorithm"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        "\0",
        "Bearer x",
        written("[]", "{}"),
        written("null", "{}"),
        written("{", "{}"),
        written('{"alg": "ES256", "typ": "JWT"}', {"iss": "portal"}),
        written('{"alg": "ES256", "typ": "ar+jwt", "crit": ["b64"], "b64": false}', {"iss": "portal"}),
        written('{"alg": "ES256", "typ": "ar+jwt"}', "[" * 2000),
        written('{"alg": "ES256", "typ": "ar+jwt"}', '["iss"]'),
        written('{"alg": "ES256", "typ": "ar+jwt"}', '{"iss": NaN}'),
        written('{"alg": "ES256", "typ": "ar+jwt"}', '{"iss": {"portal": 1}}'),
        written("[" * 2000, "{}"),
    ],
)
def test_what_is_no_token_is_refused_and_no_defect(verifier: Verifier, token: str):
    assert refused(verifier, token) == "identity.malformed"


def test_a_token_that_is_too_large_is_refused(issuers: Issuers, verifier: Verifier):
    many = replace(ADA, accounts=frozenset(f"account-{nth}" for nth in range(300)))

    assert refused(verifier, issuers.signer("portal").sign(many, "credit")) == "identity.too_large"


def test_a_token_lives_a_minute_at_most(issuers: Issuers, verifier: Verifier):
    now = int(time.time())

    assert refused(verifier, signed(issuers, claims(exp=now + 61))) == "identity.lifetime"
    assert refused(verifier, signed(issuers, claims(exp=now))) == "identity.lifetime"
    verifier.verify(signed(issuers, claims(exp=now + 60)))


@pytest.mark.parametrize("known", [False, True])
def test_a_clock_may_be_30_seconds_ahead_and_no_more(
    issuers: Issuers, verifier: Verifier, clock: Callable[[float], None], known: bool
):
    now = int(time.time())
    token = signed(issuers, claims(iat=now, exp=now + 60))
    if known:  # a token that is met again is no less judged
        verifier.verify(token)
    clock(now + 90)
    verifier.verify(token)

    clock(now + 90.1)

    assert refused(verifier, token) == "identity.expired"


def test_a_clock_may_be_30_seconds_behind_and_no_more(
    issuers: Issuers, verifier: Verifier, clock: Callable[[float], None]
):
    now = int(time.time())
    token = signed(issuers, claims(iat=now, exp=now + 60))
    clock(now - 30.1)
    assert refused(verifier, token) == "identity.not_yet"

    clock(now - 30)

    verifier.verify(token)


def test_what_is_to_begin_later_is_not_valid_yet(issuers: Issuers, verifier: Verifier):
    assert refused(verifier, signed(issuers, claims(nbf=time.time() + 40))) == "identity.not_yet"


def test_a_new_key_is_taken_beside_the_old_one_and_the_old_one_ends(issuers: Issuers, verifier: Verifier):
    old, new = issuers.key("portal").read_text(), new_key()
    of_old, of_new = (Signer("portal", partial(str, key)).sign(ADA, "credit") for key in (old, new))
    verifier.verify(of_old)
    assert refused(verifier, of_new) == "identity.key_unknown"

    publish(issuers, old, new)
    verifier.verify(of_old)
    verifier.verify(of_new)

    publish(issuers, new)
    assert refused(verifier, of_old) == "identity.key_unknown"  # though it was verified before, and is not over
    verifier.verify(of_new)


def publish(issuers: Issuers, *keys: str) -> None:
    text = issuer_file(keys, subjects=["user:"], roles=["*"], tenants=["*"], workloads=["portal"])
    (issuers.trust / "portal.json").write_text(text)


def test_a_signer_signs_with_the_key_that_its_file_has_now(issuers: Issuers, verifier: Verifier):
    signer = issuers.signer("portal")
    first, new = signer.sign(ADA, "credit"), new_key()
    publish(issuers, new)
    issuers.key("portal").write_text(new)

    verifier.verify(signer.sign(ADA, "credit"))

    assert refused(verifier, first) == "identity.key_unknown"


def test_an_issuer_whose_file_is_gone_is_trusted_no_more(issuers: Issuers, verifier: Verifier):
    token = issuers.signer("portal").sign(ADA, "credit")
    verifier.verify(token)

    (issuers.trust / "portal.json").unlink()

    assert refused(verifier, token) == "identity.key_unknown"


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        '{"keys": 1}',
        json.dumps({"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}),
        json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False) for _ in range(3)]}),
        json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)], "roles": "*"}),
    ],
)
def test_a_file_that_makes_no_sense_leaves_its_issuer_as_it_was(issuers: Issuers, verifier: Verifier, broken: str):
    verifier.verify(signed(issuers, claims()))

    (issuers.trust / "portal.json").write_text(broken)

    verifier.verify(signed(issuers, claims()))


def test_a_file_that_is_linked_anew_as_mounted_ones_are_is_read_anew(issuers: Issuers, verifier: Verifier):
    file, mounted = issuers.trust / "portal.json", issuers.trust / "..first"
    mounted.mkdir()
    file.rename(mounted / "portal.json")
    file.symlink_to(mounted / "portal.json")
    token = signed(issuers, claims())
    verifier.verify(token)
    second = issuers.trust / "..second"
    second.mkdir()
    text = issuer_file([new_key()], subjects=["user:"], roles=["*"], tenants=["*"], workloads=["portal"])
    (second / "portal.json").write_text(text)
    link = issuers.trust / "new"
    link.symlink_to(second / "portal.json")

    link.rename(file)

    assert refused(verifier, token) == "identity.key_unknown"


def test_two_words_of_no_are_told_apart(issuers: Issuers, verifier: Verifier):
    """Who is nobody is UNAUTHENTICATED; who is somebody and may not, PERMISSION_DENIED."""
    with pytest.raises(Unauthenticated):
        verifier.verify(signed(issuers, claims(aud="ledger")))
    with pytest.raises(Forbidden):
        verifier.verify(signed(issuers, claims(rol=["OPERATOR"])))


def test_no_more_tokens_are_remembered_than_so_many(
    issuers: Issuers, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(identity, "CACHED_MAX", 10)
    for nth in range(25):
        verifier.verify(signed(issuers, claims(sub=f"user:ada{nth}")))

    assert len(verifier._known) <= 10
