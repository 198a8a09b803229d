"""What may be added to a case, and how much of it."""

from dataclasses import replace

import pytest

from services.disputes.domain import evidence
from services.disputes.domain.cases import State
from services.disputes.domain.evidence import BYTES_MAX, FILES_MAX, Evidence
from services.kernel.refusals import Refusal
from tests.unit.disputes.builders import MONDAY, a_case

JPEG, PNG, PDF = b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7"


def added(nth: int, size: int = 1, name: str = "a.png") -> Evidence:
    return Evidence(f"e{nth}", name, "image/png", size, f"sha {nth}", "contact:ann", MONDAY)


@pytest.mark.parametrize(
    ("media_type", "content"), [("image/jpeg", JPEG), ("image/png", PNG), ("application/pdf", PDF)]
)
def test_a_file_begins_as_what_it_is_said_to_be(media_type: str, content: bytes) -> None:
    file = evidence.take("box (1).of it", media_type, content + b"and more")

    assert (file.name, file.content) == ("box (1).of it", content + b"and more")
    assert len(file.sha256) == 64


@pytest.mark.parametrize(
    ("name", "media_type", "content", "code"),
    [
        ("a.png", "image/png", JPEG, "evidence.type"),
        ("a.png", "image/png", PNG[:-1], "evidence.type"),
        ("a.png", "image/png", b" " + PNG, "evidence.type"),
        ("a.png", "image/png", b"", "evidence.type"),
        ("a.png", "IMAGE/PNG", PNG, "evidence.type"),
        ("a.svg", "image/svg+xml", b"<svg/>", "evidence.type"),
        ("a.html", "", b"<html>", "evidence.type"),
        ("", "image/png", PNG, "evidence.name"),
        (" ", "image/png", PNG, "evidence.name"),
        (".", "image/png", PNG, "evidence.name"),
        ("..", "image/png", PNG, "evidence.name"),
        ("../a.png", "image/png", PNG, "evidence.name"),
        ("/etc/a.png", "image/png", PNG, "evidence.name"),
        ("C:\\a.png", "image/png", PNG, "evidence.name"),
    ],
)
def test_what_is_no_picture_and_no_document_or_has_no_name_is_refused(
    name: str, media_type: str, content: bytes, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        evidence.take(name, media_type, content)

    assert refused.value.code == code


ENDED = {State.DRAFT, State.RESOLVED, State.CLOSED, State.REJECTED, State.WITHDRAWN, State.DUPLICATE}


@pytest.mark.parametrize("state", sorted(set(State) - ENDED))
def test_something_is_added_until_the_end(state: State) -> None:
    evidence.check_open(a_case(state))


@pytest.mark.parametrize("state", sorted(ENDED))
def test_nothing_is_added_after_the_end(state: State) -> None:
    with pytest.raises(Refusal) as refused:
        evidence.check_open(a_case(state))

    assert refused.value.code == "evidence.case_ended"


def test_a_case_has_so_many_files_and_so_many_bytes_and_what_is_forgotten_counts() -> None:
    file = evidence.take("a.png", "image/png", PNG)
    full, forgotten = BYTES_MAX - len(PNG), ""
    evidence.check_room(file, [added(n) for n in range(FILES_MAX - 1)])
    evidence.check_room(file, [added(1, full)])

    for so_far, code in (
        ([added(n, name=forgotten) for n in range(FILES_MAX)], "evidence.too_many"),
        ([added(1, full, forgotten), added(2)], "evidence.too_much"),
    ):
        with pytest.raises(Refusal) as refused:
            evidence.check_room(file, so_far)
        assert refused.value.code == code


def test_the_same_content_is_found_by_whatever_name_unless_it_is_forgotten() -> None:
    file = evidence.take("a.png", "image/png", PNG)
    same = replace(added(2, name="b.png"), sha256=file.sha256)

    assert evidence.same_as(file, [added(1), same]) == same
    assert evidence.same_as(file, [added(1), replace(same, file_name="")]) is None
