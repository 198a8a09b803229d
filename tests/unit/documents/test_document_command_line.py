"""The command line as a person calls it, on real files: good ones, wrong ones, and hostile ones within bounds."""

import json
import resource
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree
from typer.testing import CliRunner, Result

from services.documents import OfficialRules, claim, read, write
from services.documents.cli import app, validating
from services.documents.model import schema
from services.documents.safe import SIZE_MAX
from tests.unit.documents.examples import BUYER, GOLDEN, a_line, an_invoice, domestic
from tests.unit.documents.test_document_json import with_extensions

MEMORY_MAX = 1536 * 1024 * 1024  # of address space, which is more than what is used
SECONDS_MAX = 20


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "120"})


@pytest.fixture
def rules(rules_dir: Path, official: OfficialRules, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The options of the rules, with the session's warm judge: starting one costs seconds."""
    monkeypatch.setattr(validating, "OfficialRules", lambda _rules, _jobs: nullcontext(official))
    return ["--rules", rules_dir]


def put(folder: Path, name: str, data: bytes) -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("format_", ["ubl", "cii", "json"])
@pytest.mark.parametrize("name", GOLDEN)
def test_an_invoice_is_shown_as_a_page(format_: str, name: str, tmp_path: Path) -> None:
    document = GOLDEN[name]()
    shown = run("show", put(tmp_path, "any", write(document, format_)))

    assert shown.exit_code == 0
    assert document.number in shown.stdout
    assert document.buyer.name in shown.stdout
    assert f"{document.totals.due:,} {document.currency}" in shown.stdout


def test_what_a_document_says_does_not_speak_to_the_terminal(tmp_path: Path) -> None:
    evil = "Müller\x9b2J\u202egpj.exe [bold]"
    shown = run("show", put(tmp_path, "any", write(an_invoice(buyer=replace(BUYER, name=evil)))))

    assert "\x9b" not in shown.stdout
    assert "\u202e" not in shown.stdout
    assert "[bold]" in shown.stdout


def test_a_good_file_is_valid_and_a_wrong_one_tells_rule_severity_message_and_place(
    tmp_path: Path, rules: list[object]
) -> None:
    put(tmp_path, "good.xml", write(domestic()))
    (tmp_path / "deep").mkdir()
    put(tmp_path / "deep", "bad.xml", write(an_invoice(number="")))
    put(tmp_path, "notes.txt", b"no invoice, and not looked at")

    judged = run("validate", tmp_path, *rules)

    assert judged.exit_code == 1
    assert "1 valid, 1 invalid" in judged.stdout
    assert "fatal  BR-02" in judged.stdout
    assert "at /Invoice[1]" in judged.stdout


def test_the_verdicts_as_json_and_junit(tmp_path: Path, rules: list[object]) -> None:
    german = claim(replace(domestic(), buyer_reference="04011000-12345-34"), "xrechnung")
    files = [
        put(tmp_path, "a.xml", write(german)),
        put(tmp_path, "b.xml", write(german, "cii")),
        put(tmp_path, "c.json", write(german, "json")),
        put(tmp_path, "d.xml", write(claim(domestic(), "peppol"))),
    ]

    judged = run("validate", *files, "--json", "--junit", tmp_path / "junit.xml", *rules)

    told = json.loads(judged.stdout)
    assert [(each["verdict"], each["rule_set"]) for each in told["files"]] == [
        ("valid", "xrechnung-ubl-3.0.2"),
        ("valid", "xrechnung-cii-3.0.2"),
        ("valid", "xrechnung-ubl-3.0.2"),
        ("invalid", "peppol-ubl-2026.5"),
    ]
    assert {finding["rule"] for finding in told["files"][3]["findings"]} == {"PEPPOL-EN16931-CL008"}
    suite = etree.parse(str(tmp_path / "junit.xml")).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    assert [case.get("type") for case in suite.iter("failure")] == ["PEPPOL-EN16931-CL008"]


def test_a_fragment_is_judged_by_the_rules_only(tmp_path: Path, rules: list[object]) -> None:
    fragment = write(domestic()).replace(b"<cbc:IssueDate>2026-03-02</cbc:IssueDate>", b"")
    file = put(tmp_path, "fragment.xml", fragment)

    assert "XSD" in run("validate", file, *rules).stdout
    assert "BR-03" in run("validate", file, "--rules-only", *rules).stdout


def test_a_profile_may_be_asked_for(tmp_path: Path, rules: list[object]) -> None:
    file = put(tmp_path, "core.xml", write(domestic()))

    assert run("validate", file, *rules).exit_code == 0
    judged = run("validate", file, "--profile", "peppol", *rules)
    assert judged.exit_code == 1
    assert "PEPPOL-EN16931-R004" in judged.stdout
    assert run("validate", file, "--profile", "papyrus", *rules).exit_code == 2


def test_an_unknown_profile_is_judged_by_the_core_with_a_warning(tmp_path: Path, rules: list[object]) -> None:
    odd = write(domestic()).replace(b"urn:cen.eu:en16931:2017<", b"urn:cen.eu:en16931:2017#compliant#urn:other<")
    judged = run("validate", put(tmp_path, "odd.xml", odd), "--warnings", *rules)

    assert judged.exit_code == 0
    assert "warning  AR-PROFILE-01" in judged.stdout


def test_a_profile_that_does_not_travel_in_a_syntax_is_told(tmp_path: Path, rules: list[object]) -> None:
    file = put(tmp_path, "a.xml", write(claim(domestic(), "peppol"), "cii"))

    assert "does not travel in cii" in run("validate", file, *rules).stdout


def test_exact_finds_the_cent_that_the_official_rules_overlook(tmp_path: Path, rules: list[object]) -> None:
    line = a_line()
    file = put(
        tmp_path,
        "a.xml",
        write(replace(an_invoice(), lines=(replace(line, price=replace(line.price, net=line.price.net + 1)),))),
    )

    assert run("validate", file, *rules).exit_code == 0
    judged = run("validate", file, "--exact", *rules)
    assert judged.exit_code == 1
    assert "PEPPOL-EN16931-R120" in judged.stdout


def test_what_cannot_be_asked_ends_with_2(tmp_path: Path, rules: list[object]) -> None:
    assert run("validate", tmp_path / "nowhere.xml", *rules).exit_code == 2
    assert run("show", tmp_path / "nowhere.xml").exit_code == 2
    assert run("convert", tmp_path / "nowhere.xml", "--to", "cii").exit_code == 2
    (tmp_path / "empty").mkdir()
    assert run("validate", tmp_path / "empty", *rules).exit_code == 2


@pytest.mark.parametrize("target", ["ubl", "cii", "json"])
def test_an_invoice_is_converted_without_loss(target: str, tmp_path: Path) -> None:
    file, output = put(tmp_path, "in", write(domestic())), tmp_path / "out"
    converted = run("convert", file, "--to", target, "-o", output, "--strict")

    assert (converted.exit_code, converted.stderr) == (0, "")
    assert read(output.read_bytes(), target) == domestic()


def test_what_the_target_cannot_hold_is_listed_by_its_number_and_strict_refuses(tmp_path: Path) -> None:
    file, output = put(tmp_path, "in", write(with_extensions(), "json")), tmp_path / "out"

    converted = run("convert", file, "--to", "ubl", "-o", output)
    assert converted.exit_code == 0
    assert "idoc:partner 'WE'" in converted.stderr
    assert "EN 16931 has no term for it" in converted.stderr

    output.unlink()
    assert run("convert", file, "--to", "ubl", "-o", output, "--strict").exit_code == 1
    assert not output.exists()
    listed = run("convert", file, "--to", "csv").stderr
    assert "not in csv: BT-117" in listed


def test_an_invoice_is_converted_into_a_profile(tmp_path: Path) -> None:
    file = put(tmp_path, "in", write(domestic()))
    converted = run("convert", file, "--to", "cii", "--profile", "xrechnung")

    assert read(converted.stdout_bytes, "cii") == claim(domestic(), "xrechnung")
    warned = run("convert", file, "--to", "cii", "--profile", "peppol", "-o", tmp_path / "out")
    assert "does not travel" in warned.stderr


def test_unknown_formats_are_told(tmp_path: Path) -> None:
    file = put(tmp_path, "in", write(domestic()))

    assert run("convert", file, "--to", "papyrus").exit_code == 1
    assert "ubl" in run("convert", file, "--to", "papyrus").stderr


def test_the_schema_is_printed() -> None:
    assert run("schema").stdout == schema.text()


def laughs(attribute: bool) -> bytes:
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(30))
    body = '<Invoice a="&l29;"/>' if attribute else "<Invoice>&l29;</Invoice>"
    return f"<!DOCTYPE Invoice [{entities}]>{body}".encode()


def many_lines(size: int) -> bytes:
    """An invoice with lines until it has the size."""
    xml = write(domestic())
    start, end = xml.index(b"  <cac:InvoiceLine>"), xml.rindex(b"</Invoice>")
    return xml[:start] + xml[start:end] * (size // (end - start) + 1) + xml[end:]


UBL = write(domestic())
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "noise": (bytes(range(256)) * 100, "not well-formed"),
    "truncated": (UBL[: len(UBL) // 2], "not well-formed"),
    "cut in a character": (UBL[: UBL.index("ü".encode()) + 1], "not well-formed"),
    "wrong charset": (UBL.replace(b"M\xc3\xbcller", b"M\xfcller"), "not well-formed"),
    "charset that lies": (UBL.replace(b"UTF-8", b"UTF-16"), "not well-formed"),
    "unknown charset": (UBL.replace(b"UTF-8", b"X-NONE"), "not well-formed"),
    "external entity": (
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Invoice>&b;</Invoice>',
        "document type",
    ),
    "document type in UTF-16": (
        UBL.decode()
        .replace("UTF-8", "UTF-16")
        .replace("<Invoice", '<!DOCTYPE Invoice [<!ENTITY b "c">]><Invoice', 1)
        .encode("utf-16"),
        "document type",
    ),
    "bomb": (laughs(attribute=False), "document type"),
    "bomb in an attribute": (laughs(attribute=True), "document type"),
    "bomb in UTF-16": (laughs(attribute=True).decode().encode("utf-16"), ""),
    "unknown root": (b"<Order xmlns='urn:x'/>", "root of no invoice"),
    "no whole PDF": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "deep": (b"<a>" * 200_000, "not well-formed"),
    "deep JSON": (b'{"format": ' + b"[" * 200_000, "nested too deeply"),
    "many attributes": (b"<Invoice " + b" ".join(b"a%d='1'" % i for i in range(200_000)) + b"/>", "not well-formed"),
    "one long text": (UBL.replace(b"Widget", b"W" * 12_000_000, 1), ""),
    "JSON with a huge number": (b'{"format": "receivables-invoice-1", "a": 1' + b"0" * 1_000_000 + b"}", "18 digits"),
}


def limited(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command line with bounded memory and time."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))

    return subprocess.run(
        [sys.executable, "-m", "services.documents", *map(str, arguments)],
        capture_output=True,
        check=False,
        preexec_fn=limit,
        timeout=4 * SECONDS_MAX,
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_a_clear_error_at_once(name: str, tmp_path: Path) -> None:
    data, why = HOSTILE[name]
    file = put(tmp_path, "any.xml", data)
    started = time.monotonic()

    shown = run("show", file)

    if name != "one long text":  # libxml2 allows ten million characters; whichever way, it ends
        assert shown.exit_code == 1, shown.output
        assert why in shown.stderr.replace(str(tmp_path), "")  # a folder's name proves nothing
        assert "document.unreadable" in shown.stderr
    assert shown.exception is None or isinstance(shown.exception, SystemExit)
    assert time.monotonic() - started < SECONDS_MAX


def test_all_hostile_files_are_invalid_and_none_stops_the_others(tmp_path: Path, rules: list[object]) -> None:
    for index, (data, _) in enumerate(HOSTILE.values()):
        put(tmp_path, f"{index}.xml", data)
    put(tmp_path, "good.xml", UBL)

    judged = run("validate", tmp_path, "--json", *rules)

    told = json.loads(judged.stdout)
    assert (judged.exit_code, told["valid"], told["invalid"]) == (1, 1, len(HOSTILE))


@pytest.mark.parametrize("name", ["bomb", "bomb in UTF-16", "many attributes", "deep", "noise"])
def test_hostile_files_stay_within_bounded_memory(name: str, tmp_path: Path) -> None:
    ended = limited("show", put(tmp_path, "any.xml", HOSTILE[name][0]))

    assert ended.returncode == 1, ended.stderr
    assert b"Traceback" not in ended.stderr


def test_two_hundred_megabytes_of_lines_are_refused_before_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.xml"
    with file.open("wb") as opened:
        opened.write(many_lines(1 << 20))
        opened.truncate(200 << 20)  # a hole, so that the test costs no disk

    for command in (["show"], ["convert", "--to", "json"]):
        ended = limited(*command, file)
        assert ended.returncode == 1
        assert f"larger than {SIZE_MAX >> 20} MiB".encode() in ended.stderr


def test_files_are_judged_side_by_side_by_processes_of_their_own(tmp_path: Path, rules_dir: Path) -> None:
    for name in "abc":
        put(tmp_path, f"{name}.xml", UBL)
    command = [sys.executable, "-m", "services.documents", "validate", str(tmp_path), "--rules"]

    ended = subprocess.run([*command, str(rules_dir), "--jobs", "2"], capture_output=True, check=False, timeout=120)
    assert (ended.returncode, ended.stdout.decode().splitlines()[-1]) == (0, "3 valid, 0 invalid")
    lost = subprocess.run([*command, str(tmp_path / "nowhere")], capture_output=True, check=False, timeout=120)
    assert lost.returncode == 2
    assert b"deploy.local.rules" in lost.stderr


@pytest.mark.prove
def test_the_largest_file_that_is_read_stays_within_bounded_memory(tmp_path: Path) -> None:
    ended = limited("show", put(tmp_path, "large.xml", many_lines(SIZE_MAX - (1 << 20))))

    assert ended.returncode == 0, ended.stderr


def test_a_pdf_goes_in_and_out(tmp_path: Path, rules: list[object]) -> None:
    file, pdf = put(tmp_path, "in", write(domestic())), tmp_path / "out.pdf"
    wanted = ["--to", "facturx", "--profile", "facturx-basic", "--language", "fr"]

    converted = run("convert", file, *wanted, "-o", pdf)
    assert converted.exit_code == 0
    assert "not in facturx: BT-155" in converted.stderr
    assert "Factur-X's level BASIC has no room for it" in converted.stderr
    assert "RE-2026-000001" in run("show", pdf).stdout

    judged = run("validate", pdf, "--json", "--exact", *rules)
    [told] = json.loads(judged.stdout)["files"]
    assert (told["verdict"], told["profile"], told["rule_set"]) == ("valid", "facturx-basic", "facturx-basic-1.09.2")
    assert run("convert", file, "--to", "facturx", "--language", "tlh").exit_code == 1
