"""Parses bytes from anywhere without following, expanding or loading anything, within bounds."""

import re

from lxml import etree

# A larger document is refused before it is parsed: ten thousand lines of UBL and their attachments are smaller.
SIZE_MAX = 48 * 1024 * 1024
_HEAD = 64 * 1024  # within so many bytes a document says what its root is
# What XML 1.0 cannot carry: control characters, lone surrogates, non-characters.
UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DOCUMENT_TYPE = "a document type declaration is not accepted"


class Unsafe(ValueError):  # noqa: N818 - the document is unsafe, the code is not
    """Bytes that are no XML, or XML that brings declarations of its own, or too much of it."""


def parse(xml: bytes) -> etree._Element:
    """Parse a document; raise Unsafe for what is malformed, too large, or has a document type (entities, bombs)."""
    # It may only stand before the root, so it is found before anything is expanded.
    _refuse_document_type(xml)
    # lxml's parsers keep state, so each document has its own.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(bounded(xml), parser)
    except etree.XMLSyntaxError as error:
        raise Unsafe(f"not well-formed: {error.msg}") from None
    except ValueError as error:
        raise Unsafe(str(error)) from None
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs lack it
        raise Unsafe(_DOCUMENT_TYPE)  # in an encoding that hides it from the first look
    return root


def root_of(xml: bytes) -> str:
    """The name of a document's root, `{namespace}name`, read from its beginning only; raise Unsafe if it has none."""
    _refuse_document_type(xml)
    parser = etree.XMLPullParser(["start"], resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        parser.feed(xml[:_HEAD])
        if (event := next(parser.read_events(), None)) is None:
            parser.close()  # a short one may be held back until its end
            event = next(parser.read_events(), None)
    except etree.XMLSyntaxError as error:
        raise Unsafe(f"not well-formed: {error.msg}") from None
    if event is None:
        raise Unsafe("not well-formed: there is no root within the first bytes")
    return str(event[1].tag)  # type: ignore[union-attr]  # a start event's is an element


def bounded(data: bytes) -> bytes:
    """Refuse a document that is too large to be held as a tree."""
    if len(data) > SIZE_MAX:
        raise Unsafe(f"the document is larger than {SIZE_MAX >> 20} MiB")
    return data


def _refuse_document_type(xml: bytes) -> None:
    if b"<!DOCTYPE" in xml[:_HEAD]:
        raise Unsafe(_DOCUMENT_TYPE)
