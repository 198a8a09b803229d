"""A seller's logo: an SVG that shows itself and nothing from outside."""

import typst

from services.documents import safe
from services.kernel.refusals import Invalid

SIZE_MAX = 64 * 1024  # bytes
_ROOT = "{http://www.w3.org/2000/svg}svg"
_ACTIVE = ("script", "foreignObject")
_DRAWN = b'#set page(width: 50mm, height: 16mm)\n#image(bytes(sys.inputs.logo), format: "svg", height: 16mm)'


def check(svg: bytes) -> None:
    """Refuse (`document.logo_unusable`) what is no such SVG, or cannot be drawn."""
    logo = text(svg)
    try:
        typst.Compiler(_DRAWN, ignore_system_fonts=True).compile(format="pdf", sys_inputs={"logo": logo})
    except typst.TypstError as error:
        raise _unusable(f"it cannot be drawn: {error.message}") from None


def text(svg: bytes) -> str:
    """The logo as the page's template takes it; refuses what `check` refuses, but does not draw it."""
    if len(svg) > SIZE_MAX:
        raise _unusable(f"it is larger than {SIZE_MAX >> 10} KiB")
    try:
        root = safe.parse(svg)
        said = svg.decode()
    except (safe.Unsafe, UnicodeDecodeError) as error:
        raise _unusable(str(error)) from None
    if root.tag != _ROOT:
        raise _unusable(f"its root is {str(root.tag)[:60]}")
    for element in root.iter("*"):
        name = str(element.tag).rpartition("}")[2]
        if name in _ACTIVE:
            raise _unusable(f"it has a {name}")
        for attribute, value in element.attrib.items():
            if str(attribute).rpartition("}")[2] == "href" and not str(value).startswith(("#", "data:image/")):
                raise _unusable("it refers to something outside itself")
    return said


def _unusable(why: str) -> Invalid:
    return Invalid("document.logo_unusable", f"the logo must be an SVG in UTF-8: {why}")
