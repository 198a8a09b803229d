"""Mails as they travel: text and HTML side by side, the document enclosed, headers that nobody can forge."""

import traceback


class Unwritable(Exception):  # noqa: N818 - what is wrong with the letter
    """A letter could not be written. Says where and of which kind the error was; its message may name a person."""

    def __init__(self, error: Exception) -> None:
        super().__init__("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
