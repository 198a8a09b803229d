"""Keys of operators and issuers: made for their owner alone, listed, rotated, ended; nothing is overwritten or shown."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.chassis import keys, operators
from services.chassis.identity import Trust, Verifier, issuer_of, new_key
from services.chassis.operators import id_of, read_key
from services.chassis.settings import ChassisSettings
from services.kernel.refusals import Refusal

Say = Callable[..., str]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the operator's key is, or will be."""
    path = tmp_path / "home" / "operator.json"
    monkeypatch.setenv("AR_OPERATOR_KEY", str(path))
    return path


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that services read."""
    folder = tmp_path / "trust"
    folder.mkdir()
    monkeypatch.setenv("AR_TRUST_DIR", str(folder))
    return folder


@pytest.fixture
def say(own: Path) -> Say:
    """Type a command; give all that it prints, or why it ends. No private key is ever among it."""

    def say(*words: str) -> str:
        result = CliRunner().invoke(keys.app, list(words))
        said = f"{result.output}{result.exception or ''}"
        assert "PRIVATE" not in said
        assert '"d"' not in said
        return said if result.exit_code == 0 else f"{result.exit_code} {said}"

    return say


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def verified(trust: Path, token: str) -> str:
    """Who a service takes it for; or why it does not."""
    try:
        principal, _ = Verifier(Trust(trust), "credit").verify(token)
    except Refusal as refusal:
        return refusal.code
    return principal.actor


def test_the_first_key_is_the_operators_alone_and_services_are_told_what_it_may(own: Path, trust: Path, say: Say):
    said = say("init", "ada", "--role", "OPERATOR", "--role", "CREDIT", "--tenant", "acme")

    assert (mode(own), mode(own.parent)) == (0o600, 0o700)
    key = read_key(own)
    assert said.startswith(f"user:ada: key {id_of(key.keys[0])[:12]} is in {own}")
    issuer = issuer_of("operator-ada", (trust / "operator-ada.json").read_text())
    assert list(issuer.keys) == [id_of(key.keys[0])]
    assert issuer.subjects == {"user:ada"}
    assert issuer.roles == {"OPERATOR", "CREDIT"}
    assert issuer.tenants == {"acme"}
    assert issuer.workloads == {"operator"}
    assert '"d"' not in (trust / "operator-ada.json").read_text()
    assert verified(trust, key.sign("credit", "acme", "user:bob")) == "user:ada for user:bob"
    assert verified(trust, key.sign("credit", "globex")) == "identity.beyond_issuer"
    assert verified(trust, key.sign("ledger", "acme")) == "identity.audience"
    assert "PRIVATE" not in repr(key)


def test_without_a_folder_the_issuers_file_is_printed_for_whoever_distributes_it(own: Path, say: Say):
    said = say("init", "ada")

    text = said[said.index("{") : said.rindex("}") + 1]
    assert issuer_of("operator-ada", text).roles == {"OPERATOR"}
    assert "operator-ada.json" in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("Ada",), "'Ada' is no name"),
        (("../ada",), "'../ada' is no name"),
        (("ada", "--role", "KING"), "KING is no role"),
        (("ada", "--role", "REQUESTER", "--tenant", "acme"), "REQUESTER is no role"),
        (("ada", "--role", "CREDIT"), "a seller's role is for tenants"),
    ],
)
def test_a_wish_that_makes_no_sense_makes_nothing(own: Path, trust: Path, say: Say, words: tuple[str, ...], why: str):
    assert why in say("init", *words)
    assert not own.exists()
    assert list(trust.iterdir()) == []


def test_nothing_is_overwritten(own: Path, trust: Path, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    say("init", "ada")
    before = own.read_text(), (trust / "operator-ada.json").read_text()

    assert "is there already" in say("init", "ada")
    monkeypatch.setenv("AR_OPERATOR_KEY", str(tmp_path / "other.json"))
    assert "operator-ada.json is there already" in say("init", "ada")
    assert not (tmp_path / "other.json").exists()
    (tmp_path / "taken.pem").write_text("mine")
    assert "is there already" in say(
        "make", "--issuer", "portal", "--subject", "user:", "--to", str(tmp_path / "taken.pem")
    )

    assert (own.read_text(), (trust / "operator-ada.json").read_text()) == before
    assert (tmp_path / "taken.pem").read_text() == "mine"
    assert not (trust / "portal.json").exists()


def test_a_key_is_rotated_without_a_call_that_fails(own: Path, trust: Path, say: Say):
    say("init", "ada")
    first = read_key(own)

    said = say("make")
    both = read_key(own)
    [one, two] = map(id_of, both.keys)
    assert f"receivables keys end operator-ada {one[:12]}" in said
    assert mode(own) == 0o600
    assert verified(trust, both.sign("credit")) == "user:ada"
    assert "has two keys" in say("make")

    assert f"{one[:12]} of operator-ada has ended" in say("end", "operator-ada", one[:12])
    after = read_key(own)
    assert list(map(id_of, after.keys)) == [two]
    assert verified(trust, after.sign("credit")) == "user:ada"
    assert verified(trust, first.sign("credit")) == "identity.key_unknown"
    assert mode(own) == 0o600


def test_a_key_whose_id_begins_like_an_option_ends_as_any_other(
    own: Path, trust: Path, say: Say, monkeypatch: pytest.MonkeyPatch
):
    odd = next(key for key in iter(new_key, "") if id_of(key).startswith("-"))
    made = iter([odd, new_key()])
    monkeypatch.setattr("services.chassis.keys.new_key", lambda: next(made))
    say("init", "ada")
    say("make")

    assert "of operator-ada has ended" in say("end", "operator-ada", id_of(odd)[:12])


def test_what_an_administrator_changed_in_an_issuers_file_stays(own: Path, trust: Path, say: Say):
    say("init", "ada", "--role", "CREDIT", "--tenant", "acme", "--tenant", "globex")
    file = trust / "operator-ada.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tenants": ["acme"], "note": "until June"}))

    say("make")
    say("end", "operator-ada", id_of(read_key(own).keys[0]))

    said = json.loads(file.read_text())
    assert (said["tenants"], said["note"], len(said["keys"])) == (["acme"], "until June", 1)


def test_the_last_key_ends_only_when_that_is_meant(own: Path, trust: Path, say: Say):
    say("init", "ada")
    key_id = id_of(read_key(own).keys[0])

    assert "is the last key of operator-ada: say --last" in say("end", "operator-ada", key_id)
    assert own.exists()
    assert "is trusted no more" in say("end", "operator-ada", key_id, "--last")

    assert list(trust.iterdir()) == []
    assert not own.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("operator-eve", "abc"), "nobody is trusted by the name operator-eve"),
        (("operator-ada", "?"), "has no key whose id begins with '?'"),
        (("operator-ada", ""), "has no key whose id begins with ''"),
        (("../operator-ada", "x"), "is no name"),
    ],
)
def test_a_key_that_is_not_there_does_not_end(own: Path, trust: Path, say: Say, words: tuple[str, str], why: str):
    say("init", "ada")

    assert why in say("end", *words, "--last")
    assert len(list(trust.iterdir())) == 1


def test_an_issuer_for_a_gateway_gets_a_key_and_a_second(own: Path, trust: Path, say: Say, tmp_path: Path):
    first, second = tmp_path / "erp-1.pem", tmp_path / "erp-2.pem"
    wish = ("--subject", "key:", "--role", "BILLING", "--tenant", "acme")

    assert "erp-gateway is new" in say("make", "--issuer", "erp-gateway", "--to", str(first))
    assert "KING is no role" in say("make", "--issuer", "erp-gateway", "--to", str(first), *wish, "--role", "KING")
    assert "say where the private key goes" in say("make", "--issuer", "erp-gateway", *wish)
    say("make", "--issuer", "erp-gateway", "--to", str(first), *wish)
    assert "is there already" in say("make", "--issuer", "erp-gateway", "--to", str(second), *wish)
    say("make", "--issuer", "erp-gateway", "--to", str(second))
    assert "has two keys" in say("make", "--issuer", "erp-gateway", "--to", str(tmp_path / "third.pem"))

    assert (mode(first), mode(second), (tmp_path / "third.pem").exists()) == (0o600, 0o600, False)
    issuer = issuer_of("erp-gateway", (trust / "erp-gateway.json").read_text())
    assert list(issuer.keys) == [id_of(first.read_text()), id_of(second.read_text())]
    assert issuer.subjects == {"key:"}
    assert issuer.roles == {"BILLING"}
    assert issuer.tenants == {"acme"}
    assert issuer.workloads == {"erp-gateway"}
    say("end", "erp-gateway", id_of(first.read_text()))
    assert not own.exists()


def test_the_list_fits_80_columns_and_says_which_key_ends(own: Path, trust: Path, say: Say, tmp_path: Path):
    say("init", "ada", "--role", "CREDIT", "--role", "OPERATOR", "--tenant", "acme")
    say("make")
    every = [word for kind in ("contact:", "user:", "key:") for word in ("--subject", kind)]
    say("make", "--issuer", "portal", *every, "--role", "*", "--tenant", "*", "--to", str(tmp_path / "portal.pem"))

    listed = say("list")

    assert max(map(len, listed.splitlines())) <= 80
    one, two = (id_of(pem)[:12] for pem in read_key(own).keys)
    [first] = [line for line in listed.splitlines() if one in line]
    [second] = [line for line in listed.splitlines() if two in line]
    assert "ends next, yours" in first
    assert "new, yours" in second
    for word in ("portal", "subjects: contact:", "roles: *", "tenants: acme", "from: operator"):
        assert word in listed


def test_a_key_that_others_can_read_is_not_used(own: Path, trust: Path, say: Say):
    say("init", "ada")
    own.chmod(0o640)

    with pytest.raises(SystemExit, match="others can read it"):
        operators.own_key()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"issuer": "a", "subject": "b", "roles": [], "tenants": [], "keys": ["x"]}']
)
def test_a_file_that_is_no_key_is_said_to_be_none(own: Path, text: str):
    own.parent.mkdir()
    own.touch(mode=0o600)
    own.write_text(text)

    with pytest.raises(SystemExit, match="is no operator's key"):
        operators.own_key()


def test_no_key_at_all_is_said_with_what_makes_one(own: Path):
    with pytest.raises(SystemExit, match="receivables keys init"):
        operators.own_key()


# Who works at the database


def settings(trust: Path, access: str = "require") -> ChassisSettings:
    return ChassisSettings.model_validate({"database_url": "postgresql://a@b/c", "trust_dir": trust, "access": access})


def test_at_the_database_the_operators_key_says_who_it_is(own: Path, trust: Path, say: Say):
    say("init", "ada")

    assert operators.who("", "credit", settings(trust)) == "user:ada"
    assert operators.who("user:ada", "credit", settings(trust)) == "user:ada"
    with pytest.raises(SystemExit, match="not of user:eve"):
        operators.who("user:eve", "credit", settings(trust))


def test_without_a_key_whoever_works_at_the_database_says_who_they_are(own: Path, trust: Path):
    assert operators.who("user:eve", "credit", settings(trust)) == "user:eve"
    with pytest.raises(SystemExit, match="say --by"):
        operators.who("", "credit", settings(trust))


def test_a_key_that_nobody_trusts_or_that_is_no_operators_is_none_at_the_database(own: Path, trust: Path, say: Say):
    say("init", "ada", "--role", "CREDIT", "--tenant", "acme")
    with pytest.raises(SystemExit, match=r"access\.role"):
        operators.who("", "credit", settings(trust))

    (trust / "operator-ada.json").unlink()
    with pytest.raises(SystemExit, match=r"identity\.key_unknown"):
        operators.who("", "credit", settings(trust))
    assert operators.who("", "credit", settings(trust, "off")) == "user:ada"
