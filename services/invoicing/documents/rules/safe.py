"""Parses bytes from anywhere without following, expanding or loading anything."""

from lxml import etree


class Unsafe(ValueError):  # noqa: N818 - the document is unsafe, the code is not
    """Bytes that are no XML, or XML that brings declarations of its own."""


def parse(xml: bytes) -> etree._Element:
    """Parse a document; raise Unsafe for what is malformed or has a document type (entities, bombs)."""
    # lxml's parsers keep state, so each document has its own.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise Unsafe(f"not well-formed: {error.msg}") from None
    except ValueError as error:
        raise Unsafe(str(error)) from None
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs lack it
        raise Unsafe("a document type declaration is not accepted")
    return root
