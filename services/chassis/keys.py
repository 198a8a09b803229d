"""`receivables keys init|make|list|end`: who is trusted to sign calls, by the folder that services read (AR_TRUST_DIR).

An issuer is a file there, `<issuer>.json`, with at most two public keys; services read it again as it changes. To
rotate a key: `make` adds a second, services learn it, who signs goes over to it, `end` takes the first out.
"""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from rich.console import Console
from rich.table import Table

from services.chassis import identity, operators
from services.chassis.identity import KEYS_MAX, OPERATOR, SELLER_ROLES, Issuer, issuer_file, issuer_of, new_key
from services.chassis.operators import Key, OperatorSettings, id_of, write_private
from services.chassis.settings import PREFIX, load
from services.kernel.refusals import quoted

SHOWN = 12  # of a key's id, characters
WIDTH = 80
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Who is trusted to sign calls: make, list, rotate, end keys."
)
Folder = Annotated[
    Path, typer.Option("--trust", envvar=f"{PREFIX}TRUST_DIR", help="folder of the issuers that services trust")
]
Tenants = Annotated[list[str] | None, typer.Option("--tenant", help='a tenant that it may speak for; "*": all')]


@app.command(help="Make the first key of an operator: a private file for you, an issuer's file for the services.")
def init(
    name: Annotated[str, typer.Argument(help="your name, a-z, 0-9 and '-': you become user:<name>")],
    *,
    roles: Annotated[
        list[str] | None, typer.Option("--role", help=f"what you may do: {OPERATOR}, or a seller's role such as CREDIT")
    ] = None,
    tenants: Tenants = None,
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust", envvar=f"{PREFIX}TRUST_DIR", help="where to write the issuer's file; else it is printed"
        ),
    ] = None,
) -> None:
    path = load(OperatorSettings).operator_key
    issuer = f"operator-{_checked_name(name)}"
    wanted = tuple(dict.fromkeys(roles or [OPERATOR]))
    if beyond := sorted(set(wanted) - SELLER_ROLES - {OPERATOR}):
        raise SystemExit(f"{beyond[0]} is no role of an operator: {', '.join(sorted(SELLER_ROLES | {OPERATOR}))}")
    if set(wanted) & SELLER_ROLES and not tenants:
        raise SystemExit('a seller\'s role is for tenants: say --tenant acme, or --tenant "*" for all')
    if path.exists():
        raise SystemExit(f"{path} is there already: `receivables keys make` adds a second key, to rotate it")
    key = Key(issuer, f"user:{name}", wanted, tuple(tenants or ()), (new_key(),))
    text = issuer_file(
        key.keys,
        subjects=[key.subject],
        stands_in_for=["user:"],  # of the seller's people; it is told, and gives no further right
        roles=wanted,
        tenants=key.tenants,
        workloads=[operators.WORKLOAD],
    )
    if trust is not None:
        _write(_file(trust, issuer), text)
    key.write(path)
    if trust is None:
        Console(stderr=True, soft_wrap=True).print(f"Put this where services trust it, as {issuer}.json:", markup=False)
        print(text, end="")  # noqa: T201 - to be piped into a file
    _say(f"{key.subject}: key {id_of(key.keys[0])[:SHOWN]} is in {path}, which you alone can read")


@app.command(help="Add a second key, to rotate your own or an issuer's; or the first one of a new issuer.")
def make(
    trust: Folder,
    issuer: Annotated[str, typer.Option(help="whose; yours, if nobody is named")] = "",
    to: Annotated[Path | None, typer.Option(help="where an issuer's private key is written")] = None,
    *,
    subjects: Annotated[
        list[str] | None,
        typer.Option("--subject", help='for whom a new issuer vouches: "user:ada"; "contact:": all contacts'),
    ] = None,
    roles: Annotated[list[str] | None, typer.Option("--role", help='a role that it may give; "*": all')] = None,
    tenants: Tenants = None,
    workloads: Annotated[
        list[str] | None, typer.Option("--workload", help="whose certificate brings its tokens; the issuer's own name")
    ] = None,
) -> None:
    if not issuer:
        _make_own(trust)
        return
    path = _file(trust, _checked_name(issuer))
    if to is None:
        raise SystemExit("say where the private key goes: --to FILE")
    if to.exists():
        raise SystemExit(f"{to} is there already: nothing is overwritten")
    key = new_key()
    if path.exists():
        if subjects or roles or tenants or workloads:
            raise SystemExit(f"{issuer} is there already: what it may vouch for stands in {path}")
        text = _with_key(path, key)
    else:
        if not subjects:
            raise SystemExit(f"{issuer} is new: say for whom it vouches, such as --subject user:")
        if beyond := sorted(set(roles or ()) - identity.BUYER_ROLES - SELLER_ROLES - {OPERATOR, "*"}):
            raise SystemExit(f"{beyond[0]} is no role")
        text = issuer_file(
            [key], subjects=subjects, roles=roles or [], tenants=tenants or [], workloads=workloads or [issuer]
        )
    write_private(to, key)
    _write(path, text, anew=path.exists())
    _say(f"{issuer}: key {id_of(key)[:SHOWN]} is in {to}, which you alone can read")


def _make_own(trust: Path) -> None:
    path = load(OperatorSettings).operator_key
    mine = operators.read_key(path)
    file = _file(trust, mine.issuer)
    if not file.exists():
        raise SystemExit(f"{file} is not there: nobody trusts {mine.issuer} in this folder")
    key = new_key()
    text = _with_key(file, key)
    Key(mine.issuer, mine.subject, mine.roles, mine.tenants, (*mine.keys, key)).write(path)
    _write(file, text, anew=True)
    _say(
        f"{mine.subject}: key {id_of(key)[:SHOWN]} is the second. Calls are signed with {id_of(mine.keys[0])[:SHOWN]} until "
        f"it ends: receivables keys end {mine.issuer} {id_of(mine.keys[0])[:SHOWN]}"
    )


@app.command("list", help="Who is trusted, by which keys, for whom; of two keys, the first is the one to end.")
def list_(trust: Folder) -> None:
    mine = _own_ids()
    table = Table("issuer", "key", "", "may vouch for", width=WIDTH)
    for path in sorted(trust.glob("*.json")):
        issuer = _read(path)
        says = [
            f"{label}: {', '.join(sorted(words)) or 'none'}"
            for label, words in (
                ("subjects", issuer.subjects),
                ("roles", issuer.roles),
                ("tenants", issuer.tenants),
                ("from", issuer.workloads),
            )
        ]
        ids = list(issuer.keys)
        standing = ["ends next", "new"] if len(ids) == KEYS_MAX else [""]
        states = [", ".join(filter(None, (s, "yours" * (i in mine)))) for i, s in zip(ids, standing, strict=True)]
        table.add_row(
            path.stem, "\n".join(i[:SHOWN] for i in ids), "\n".join(states), "\n".join(says), end_section=True
        )
    Console(width=WIDTH).print(table, markup=False)


@app.command(
    help="Take a key out: what it signs is refused as soon as services see it, within two seconds of the file.",
    context_settings={"ignore_unknown_options": True},  # of 64 keys' ids, one begins with "-"
)
def end(
    issuer: Annotated[str, typer.Argument(help="as `keys list` shows it")],
    key: Annotated[str, typer.Argument(help="the key's id, or how it begins")],
    trust: Folder,
    last: Annotated[
        bool, typer.Option("--last", help="even if it is the last: nobody is trusted by that name any more")
    ] = False,
) -> None:
    path = _file(trust, _checked_name(issuer))
    if not path.exists():
        raise SystemExit(f"nobody is trusted by the name {issuer} in {trust}")
    found = [key_id for key_id in _read(path).keys if key and key_id.startswith(key)]
    if len(found) != 1:
        raise SystemExit(f"{issuer} has {'no key' if not found else 'two keys'} whose id begins with {quoted(key)}")
    [key_id] = found
    said = json.loads(path.read_text(encoding="utf-8"))
    left = [each for each in said["keys"] if ECKey.import_key(each).thumbprint() != key_id]
    if not left and not last:
        raise SystemExit(f"{key_id[:SHOWN]} is the last key of {issuer}: say --last to trust it no more at all")
    if left:
        _write(path, json.dumps({**said, "keys": left}, indent=1) + "\n", anew=True)
    else:
        path.unlink()
    _forget(issuer, key_id)
    _say(f"{key_id[:SHOWN]} of {issuer} has ended" + ("" if left else f"; {issuer} is trusted no more"))


def _forget(issuer: str, key_id: str) -> None:
    """Take it out of our own file too, if it was ours."""
    own = load(OperatorSettings).operator_key
    if key_id not in _own_ids() or (mine := operators.read_key(own)).issuer != issuer:
        return
    if len(mine.keys) > 1:
        operators.without(mine, key_id).write(own)
    else:
        own.unlink()


def _own_ids() -> set[str]:
    path = load(OperatorSettings).operator_key
    return {id_of(pem) for pem in operators.read_key(path).keys} if path.exists() else set()


def _with_key(path: Path, key: str) -> str:
    """An issuer's file with a key more, and everything else as it was."""
    if len(_read(path).keys) >= KEYS_MAX:
        raise SystemExit(f"{path.stem} has two keys: end the first of them before you make another (`keys list`)")
    said = json.loads(path.read_text(encoding="utf-8"))
    said["keys"] = [*said["keys"], ECKey.import_key(key).as_dict(private=False)]
    return json.dumps(said, indent=1) + "\n"


def _read(path: Path) -> Issuer:
    try:
        return issuer_of(path.stem, path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
        raise SystemExit(f"{path} is no issuer's file: {type(error).__name__}") from None


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise SystemExit(f"{quoted(name)} is no name: a-z, 0-9 and '-', 63 at most")
    return name


def _file(trust: Path, issuer: str) -> Path:
    if not trust.is_dir():
        raise SystemExit(f"{trust} is no folder: make it first, where services read it (AR_TRUST_DIR)")
    return trust / f"{issuer}.json"


def _write(path: Path, text: str, *, anew: bool = False) -> None:
    """Write an issuer's file in one step: services may be reading."""
    if not anew and path.exists():
        raise SystemExit(f"{path} is there already: nothing is overwritten")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.rename(path)


def _say(text: Any) -> None:
    Console(stderr=True, soft_wrap=True).print(text, markup=False, highlight=False)


if __name__ == "__main__":
    app(prog_name="receivables keys")
