"""Judges objects by the schemas of Kubernetes, of every version that we promise, and of the operators' own kinds."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

VERSIONS = ("1.34.0", "1.35.0", "1.36.0")
CUSTOM = Path(__file__).with_name("schemas")
_OPEN = "x-kubernetes-preserve-unknown-fields"


def complaints(item: dict[str, Any]) -> Iterator[str]:
    """What the schemas have against an object; an unknown field is a complaint, and so is an unknown kind."""
    group, _, version = item["apiVersion"].rpartition("/")
    if (custom := _custom(group, item["kind"], version)) is not None:
        yield from _judge(custom, item, f"{group}/{version}")
        return
    for release in VERSIONS:
        validator = _builtin(release, group.partition(".")[0], version, item["kind"].lower())
        if validator is None:
            yield f"Kubernetes {release} knows no {item['apiVersion']} {item['kind']}"
        else:
            yield from _judge(validator, item, f"Kubernetes {release}")


def _judge(validator: Draft202012Validator, item: dict[str, Any], whose: str) -> Iterator[str]:
    error = best_match(validator.iter_errors(item))
    if error is not None:
        yield f"{whose}: {error.json_path}: {error.message[:300]}"


@cache
def _builtin(release: str, group: str, version: str, kind: str) -> Draft202012Validator | None:
    file = f"{kind}-{group}-{version}.json" if group else f"{kind}-{version}.json"
    try:
        schema = _read(release, file)
    except FileNotFoundError:
        return None
    return Draft202012Validator(schema, registry=_registry(release).with_contents([(schema["$id"], schema)]))


@cache
def _registry(release: str) -> Registry[Any]:
    definitions: Resource[Any] = Resource.from_contents(_read(release, "_definitions.json"))
    return definitions @ Registry()


def _read(release: str, file: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{release}-local-strict"
    return json.loads((folder / file).read_text(encoding="utf-8"))


@cache
def _custom(group: str, kind: str, version: str) -> Draft202012Validator | None:
    schema = _definitions().get((group, kind, version))
    return None if schema is None else Draft202012Validator(_strict(schema, is_root=True))


@cache
def _definitions() -> dict[tuple[str, str, str], dict[str, Any]]:
    """The schema of each version that an operator serves."""
    return {
        (definition["spec"]["group"], definition["spec"]["names"]["kind"], version["name"]): version["schema"][
            "openAPIV3Schema"
        ]
        for file in sorted(CUSTOM.glob("*.yaml"))
        for definition in [yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)]
        for version in definition["spec"]["versions"]
        if version["served"]
    }


def _strict(schema: Any, *, is_root: bool = False) -> Any:
    """An OpenAPI schema of a kind as a JSON schema that refuses what it does not name, as the API server's warnings do."""
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items() if key in ("items", "additionalProperties", "not")}
    strict |= {key: [_strict(each) for each in schema[key]] for key in ("allOf", "anyOf", "oneOf") if key in schema}
    kept = ("enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required")
    strict |= {key: schema[key] for key in kept if key in schema}
    if schema.get("x-kubernetes-int-or-string"):
        strict["type"] = ["integer", "string"]
        strict.pop("anyOf", None)
    elif "type" in schema:
        strict["type"] = [schema["type"], "null"] if schema.get("nullable") else schema["type"]
    if "properties" in schema:
        strict["properties"] = {key: _strict(value) for key, value in schema["properties"].items()}
        if is_root:
            strict["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}
        if not schema.get(_OPEN) and "additionalProperties" not in schema and "type" in schema:
            strict["additionalProperties"] = False
    return strict
