"""Whatever a service tells, it can be rebuilt from: each of its events has a step."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import pytest
from google.protobuf.message import Message

from services.chassis.envelope import topic_of
from services.chassis.rebuild import Fold
from services.chassis.service import Service

NAMES = ("credit", "invoicing", "ledger", "disputes", "notifications")
UNTOLD = {"CashUnapplied"}  # in the contract for what comes


def service(name: str) -> tuple[Service[Any], Fold]:
    found: Service[Any] = import_module(f"services.{name}.service").SERVICE
    assert found.fold is not None
    return found, found.fold


def events(messages: Sequence[type[Message]]) -> set[str]:
    """The events of these messages' contracts: what is no part of another message."""
    files = {message.DESCRIPTOR.file for message in messages}
    types: Mapping[str, Any] = {name: d for file in files for name, d in file.message_types_by_name.items()}
    parts = {field.message_type.name for d in types.values() for field in d.fields if field.message_type}
    return types.keys() - parts


@pytest.mark.parametrize("name", NAMES)
def test_each_event_that_a_service_tells_has_a_step(name: str) -> None:
    _, fold = service(name)

    assert {message.DESCRIPTOR.name for message in fold.own} == events(list(fold.own)) - UNTOLD
    assert f"receivables.{name}.v1" in fold.tells


@pytest.mark.parametrize("name", NAMES)
def test_what_is_remembered_or_handled_again_is_followed_and_is_not_both(name: str) -> None:
    found, fold = service(name)
    followed = found.handlers(found.settings.model_construct()).keys()

    assert fold.remembered | fold.again <= followed
    assert not fold.remembered & fold.again
    assert not fold.again & {message for message in followed if topic_of(message) in fold.tells}
