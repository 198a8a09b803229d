"""What somebody wrote in a reply, and what it repeats."""

import time

import pytest

from services.notifications.letters.folds import fold

QUOTED = "> Invoice RE-2026-000001\n> is due."


@pytest.mark.parametrize(
    "intro",
    [
        "On Mon, 2 Mar 2026 at 10:00, Nordwind <n@x.example> wrote:",
        "On Mon, 2 Mar 2026 at 10:00,\nNordwind\n<n@x.example> wrote:",
        "Am 02.03.26 um 10:00 schrieb Nordwind:",
        "Am Mo., 2. März 2026 um 10:00 Uhr schrieb Nordwind <\nn@x.example>:",
        "Le lun. 2 mars 2026 à 10:00, Nordwind <n@x.example> a écrit\u00a0:".replace("\u00a0", " "),
        "Den mån 2 mars 2026 kl 10:00 skrev Nordwind <n@x.example>:",
        "Nordwind GmbH wrote:",
    ],
)
def test_what_introduces_a_quote_is_folded_with_it(intro: str):
    assert fold(f"Two boxes are missing.\n\n{intro}\n\n{QUOTED}") == (
        "Two boxes are missing.",
        f"{intro}\n{QUOTED}",
    )
    # Who quotes without a mark quotes to the end.
    assert fold(f"Yes.\n{intro}\nInvoice\n\nis due")[0] == "Yes."


@pytest.mark.parametrize(
    "head",
    [
        "-----Original Message-----",
        "-----Ursprüngliche Nachricht-----",
        "---------- Forwarded message ---------",
        "From: Nordwind <n@x.example>\nSent: Monday, 2 March 2026",
        "Von: Nordwind\nGesendet: Montag",
        "De : Nordwind\nEnvoyé : lundi",
        "Från: Nordwind\nTill: Cleo\nSkickat: måndag",
        "*From:* Nordwind\n*Sent:* Monday",
    ],
)
def test_a_repeated_mail_is_folded_to_its_end(head: str):
    assert fold(f"No.\n\n{head}\nInvoice\nis due") == ("No.", f"{head}\nInvoice\nis due")


def test_answers_between_quotes_stay():
    written, folded = fold("On Monday, Nordwind wrote:\n> Which box?\nThe second.\n> And when?\nToday.\n-- \nCleo")

    assert written == "The second.\nToday."
    assert folded == "On Monday, Nordwind wrote:\n> Which box?\n> And when?\n--\nCleo"


@pytest.mark.parametrize(
    "text",
    [
        "From: Monday on we have nobody there.",
        "On Monday I wrote you: nothing came.",
        "We ordered:\nfive boxes\n\nWe got:\nfour",
        "--- see below ---",
    ],
)
def test_what_only_looks_like_it_is_written(text: str):
    assert fold(text) == (text, "")


@pytest.mark.parametrize(
    "text", ["On " * 40_000, "On x\n" * 25_000, ">" * 100_000, "From: x\n" * 15_000, " " * 100_000]
)
def test_a_long_text_is_read_at_once(text: str):
    began = time.thread_time()

    fold(text)

    assert time.thread_time() - began < 2
