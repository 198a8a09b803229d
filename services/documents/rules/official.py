"""The official rules as judge: XSD first, then the published stylesheets, in warm processes beside the caller's.

A stylesheet takes a second to compile and its engine two hundred megabytes, so each worker compiles it once. A worker
dies with its parent (its pipe ends) and is replaced if it crashes or hangs. What raises in a worker is invalid.
"""

import asyncio
import contextlib
import multiprocessing
import re
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from lxml import etree
from saxonche import PySaxonApiError, PySaxonProcessor

from services.documents import safe
from services.documents.rules.finding import Finding, Severity, fatal
from services.documents.rules.sets import EN16931_UBL, RULE_SETS
from services.documents.rules.xsd import ROOTS, Schema

ENGINE_FAILED = "RULES"  # the rule id of a finding that says the judge itself could not judge
_COMPILED_WITHIN_S = 60.0
_JUDGED_WITHIN_S = 60.0
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_RULE = re.compile(r"^\s*\[([A-Za-z0-9-]+)\]\s*-?\s*")
_NAMESPACED = re.compile(r"\*:(\w+)\[namespace-uri\(\)='[^']*'\]")
_WARNINGS = frozenset({"warning", "information", "info"})


class Stylesheet:
    """One compiled rule sheet, in this process."""

    def __init__(self, file: Path) -> None:
        self._engine = PySaxonProcessor(license=False)
        # The sheets read nothing but the document; whoever alters that must not reach the network.
        self._engine.set_configuration_property("http://saxon.sf.net/feature/allowedProtocols", "file")
        self._sheet = self._engine.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(file))

    def check(self, root: etree._Element) -> list[Finding]:
        """Apply the rules; raise what the engine raises."""
        document = self._engine.parse_xml(xml_text=etree.tostring(root, encoding="unicode"))
        report = self._sheet.transform_to_string(xdm_node=document)
        return findings(report)


def findings(report: str) -> list[Finding]:
    """Read a Schematron report (SVRL): a failed assertion and a successful report are both a breach."""
    if "failed-assert" not in report and "successful-report" not in report:
        return []  # most documents break no rule, and their reports are longer than they are
    root = safe.parse(report.encode())
    return [_finding(element) for element in root.iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report")]


def _finding(element: etree._Element) -> Finding:
    """One breach; some sheets name the rule in the text only, and most give no flag to what is fatal."""
    message = " ".join("".join(map(str, element.itertext())).split())
    named = _RULE.match(message)
    rule = element.get("id") or (named[1] if named else "?")
    severity = Severity.WARNING if (element.get("flag") or "").lower() in _WARNINGS else Severity.FATAL
    place = _NAMESPACED.sub(r"\1", element.get("location") or "/")
    return Finding(rule, severity, message[named.end() :] if named else message, place)


class Bench:
    """The schemas and sheets of one process, each compiled when it is first asked for."""

    def __init__(self, rules_dir: Path) -> None:
        self._rules_dir = rules_dir
        self._schema = Schema(rules_dir)
        self._sheets: dict[str, Stylesheet] = {}

    def warm(self, rule_set: str) -> None:
        """Compile the sheets of a rule set, so that its first document does not wait."""
        for file in RULE_SETS[rule_set].files:
            self._sheet(file)

    def judge(self, xml: bytes, rule_set: str, *, fragment: bool = False) -> list[Finding]:
        """Well-formed, then the XSD, then the sheets, because a sheet may raise on what no schema allows.

        Of a `fragment` only the sheets are asked: it is part of a document, and no schema allows that.
        """
        rules = RULE_SETS[rule_set]
        try:
            root = safe.parse(xml)
        except safe.Unsafe as error:
            return [fatal("XML", str(error), "/")]
        if root.tag not in ROOTS[rules.schema]:  # the sheets would find nothing in it, and so nothing wrong
            return [fatal("XSD", f"{str(root.tag)[:120]} is not a root that {rule_set} judges", "/")]
        if not fragment and (found := self._schema.check_parsed(root, rules.schema)):
            return found
        found = []
        for file in rules.files:
            try:
                found += self._sheet(file).check(root)
            except PySaxonApiError as error:
                found.append(fatal(ENGINE_FAILED, f"the rules could not be applied: {error}", "/"))
        return [replace(each, severity=rules.levels.get(each.rule, each.severity)) for each in found]

    def _sheet(self, file: str) -> Stylesheet:
        if file not in self._sheets:
            self._sheets[file] = Stylesheet(self._rules_dir / file)
        return self._sheets[file]


def serve(pipe: Connection, rules_dir: Path, warm: Sequence[str]) -> None:
    """A worker's life: compile, say so, then judge what comes until the pipe ends, because the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the parent's to handle
    bench = Bench(rules_dir)
    for rule_set in warm:
        bench.warm(rule_set)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send([])
        while True:
            rule_set, fragment, xml = pipe.recv()
            pipe.send(bench.judge(xml, rule_set, fragment=fragment))


class _Worker:
    """One process and the pipe to it; used by one thread at a time."""

    def __init__(self, rules_dir: Path, warm: Sequence[str]) -> None:
        self._args = (rules_dir, warm)
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share the parent's sockets and locks
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, *self._args), name="official-rules", daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends with either side
        self._answer(_COMPILED_WITHIN_S)

    def _answer(self, within: float) -> list[Finding]:
        if not self._pipe.poll(within):
            raise TimeoutError(f"no answer within {within:.0f} s")
        answer: list[Finding] = self._pipe.recv()
        return answer

    def check(self, xml: bytes, rule_set: str, *, fragment: bool) -> list[Finding]:
        """Judge a document; a crash or a hang costs this worker, and the document is invalid."""
        try:
            self._pipe.send((rule_set, fragment, xml))
            return self._answer(_JUDGED_WITHIN_S)
        except (EOFError, OSError) as error:  # TimeoutError is an OSError
            self.stop()
            self._start()
            return [fatal(ENGINE_FAILED, f"the judge died over this document: {type(error).__name__} {error}", "/")]

    def stop(self) -> None:
        """End the process, at once: it holds nothing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    @property
    def pid(self) -> int | None:
        return self._process.pid


class OfficialRules:
    """A few warm judges; a document goes to whichever is free. Starting waits until the rules are compiled.

    `rule_set` judges what names no other, `also` are compiled at the start too; any other when it is first asked for.
    """

    def __init__(
        self, rules_dir: Path, workers: int = 1, rule_set: str = EN16931_UBL, also: Sequence[str] = ()
    ) -> None:
        warm = (rule_set, *also)
        self._rules_dir = rules_dir
        for name in warm:
            self._require(name)
        self.rule_set = rule_set
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="official-rules")
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        started = [self._threads.submit(_Worker, rules_dir, warm) for _ in range(workers)]
        self._workers = [future.result() for future in started]
        for worker in self._workers:
            self._idle.put(worker)

    def submit(self, xml: bytes, rule_set: str | None = None, *, fragment: bool = False) -> Future[list[Finding]]:
        """Queue a document for judgement; of a `fragment` only the sheets are asked, not the XSD."""
        name = self.rule_set if rule_set is None else rule_set
        self._require(name)
        return self._threads.submit(self._check, xml, name, fragment)

    async def check(self, xml: bytes, rule_set: str | None = None) -> list[Finding]:
        """Judge a document without holding up the event loop."""
        return await asyncio.wrap_future(self.submit(xml, rule_set))

    def close(self) -> None:
        """Judge what is queued, then end the workers."""
        self._threads.shutdown()
        for worker in self._workers:
            worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _require(self, rule_set: str) -> None:
        if (rules := RULE_SETS.get(rule_set)) is None:
            raise ValueError(f"{rule_set!r} is no rule set; there are: {', '.join(RULE_SETS)}")
        for file in rules.files:
            if not (self._rules_dir / file).is_file():
                raise FileNotFoundError(
                    f"{self._rules_dir} holds no {file}: `python -m deploy.local.rules` puts it there"
                )

    def _check(self, xml: bytes, rule_set: str, fragment: bool) -> list[Finding]:
        worker = self._idle.get()
        try:
            return worker.check(xml, rule_set, fragment=fragment)
        finally:
            self._idle.put(worker)
