"""The style sheet and the templates know the same classes."""

import re

from services.portal.looks import HERE

STYLES = (HERE / "static" / "portal.css").read_text()
# Of a template, what Jinja writes is left out: a class that it makes up is another's to know.
CLASSES = re.compile(r'class="([^"{]*)')

SIDES = re.compile(r"(?<=[{;])\s*(?:(?:margin|padding|border|min|max)-)?(?:left|right|width|height)\s*:")


def test_every_class_of_a_template_has_a_style():
    used = {
        name
        for template in (HERE / "templates").glob("*.html")
        for found in CLASSES.findall(template.read_text())
        for name in found.split()
    }
    assert sorted(name for name in used if f".{name}" not in STYLES) == []
    assert len(used) > 20


def test_the_style_knows_no_left_and_no_right():
    """What is written from right to left mirrors by itself."""
    assert SIDES.findall(STYLES) == []
