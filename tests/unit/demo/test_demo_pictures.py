"""The README's pictures of the portal: there, small, and told in words to whoever does not see them."""

import re

from deploy.local.artifacts import ROOT

SHOWN = re.compile(r'<img src="(deploy/demo/pictures/[\w-]+\.png)"[^>]* alt="([^"]+)"')


def test_the_readme_shows_each_picture_with_words_for_it():
    shown = SHOWN.findall((ROOT / "README.md").read_text())
    files = {str(file.relative_to(ROOT)) for file in (ROOT / "deploy" / "demo" / "pictures").glob("*.png")}

    assert {path for path, _ in shown} == files
    assert len(shown) == 6
    assert all(len(words) > 40 for _, words in shown)


def test_a_picture_is_at_most_200_kb():
    pictures = (ROOT / "deploy" / "demo" / "pictures").glob("*.png")

    assert [file.name for file in pictures if file.stat().st_size > 200_000] == []
