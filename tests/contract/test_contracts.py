"""What others may rely on: published fields stay, old payloads read on, events are CloudEvents, codes are stable."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from google.protobuf import descriptor_pb2, json_format
from receivables.credit.v1 import events_pb2 as credit_pb2

from services.chassis.envelope import Origin, decode, encode
from services.chassis.topics import TOPICS
from tests.contract import corpus
from tests.records import a_record

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_every_topic_is_the_package_of_a_contract():
    assert {f"receivables.{name}.v1" for name in corpus.CONTRACTS} == set(TOPICS)


def breaking(contracts: Path) -> "subprocess.CompletedProcess[str]":
    """What buf says of these contracts beside the published ones; 100 means that something breaks."""
    buf = str(Path(sys.executable).parent / "buf")
    command = [buf, "breaking", str(contracts), "--against", str(HERE / "published.binpb")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_todays_contracts_break_nothing_published():
    verdict = breaking(ROOT / "proto")

    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_a_renumbered_field_breaks_the_contract(tmp_path: Path):
    changed = tmp_path / "proto"
    shutil.copytree(ROOT / "proto", changed, ignore=shutil.ignore_patterns("gen"))
    file = changed / "receivables" / "credit" / "v1" / "events.proto"
    file.write_text(file.read_text().replace("string account_id = 4 ", "string account_id = 99 ", 1))

    verdict = breaking(changed)

    assert verdict.returncode == 100, verdict.stderr
    assert "account_id" in verdict.stdout


def test_every_event_of_today_is_published_and_has_its_payload():
    published = descriptor_pb2.FileDescriptorSet.FromString((HERE / "published.binpb").read_bytes())
    known = {f"{file.package}.{message.name}" for file in published.file for message in file.message_type}

    assert corpus.events().keys() <= known, "run `make baseline` when a contract grew"
    assert {file.stem for file in corpus.FOLDER.glob("*.binpb")} == corpus.events().keys()


@pytest.mark.parametrize("payload", sorted(corpus.FOLDER.glob("*.binpb")), ids=lambda p: p.stem)
def test_an_old_payload_reads_as_it_was_written(payload: Path):
    message = corpus.events()[payload.stem].FromString(payload.read_bytes())

    assert json_format.MessageToDict(message) == json.loads(payload.with_suffix(".json").read_text())


def test_what_we_send_is_a_cloud_event_to_the_sdk():
    body = credit_pb2.LimitChanged(account_id="b1")
    origin = Origin("acme", "user:ada", "a better year", "k1", "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "cause")
    headers = encode(
        body,
        event_id="e1",
        subject="buyer/b1",
        at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        origin=origin,
        source="/receivables/credit",
        sequence=7,
    )
    message = KafkaMessage({k: v.encode() for k, v in headers.items()}, b"acme/b1", body.SerializeToString())

    event = from_binary(message, JSONFormat())

    assert (event.get_id(), event.get_type(), event.get_subject()) == (
        "e1",
        "receivables.credit.v1.LimitChanged",
        "buyer/b1",
    )
    assert event.get_time() == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert (event.get_extension("tenant"), event.get_extension("sequence"), event.get_extension("causationid")) == (
        "acme",
        "7",
        "cause",
    )
    assert event.get_datacontenttype() == "application/protobuf"


def test_what_we_send_we_read():
    body = credit_pb2.LimitChanged(account_id="b1")

    event = decode(a_record(body, account="b1", subject="buyer/b1"), {"receivables.credit.v1.LimitChanged": type(body)})

    assert event.body == body
    assert (event.tenant, event.account_id, event.subject) == ("acme", "b1", "buyer/b1")
