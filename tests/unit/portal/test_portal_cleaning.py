"""Files that people send: what is kept shows the same, and nothing in it runs or tells of its maker (ASVS 5.2.1-6, 5.3.2)."""

import io

import pikepdf
import pytest
from PIL import Image, PngImagePlugin

from services.portal import cleaning
from services.portal.cleaning import JPEG, PDF, PNG, Unclean, clean


def _picture(format_name: str, size: tuple[int, int] = (40, 20), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, format_name, **more)
    return out.getvalue()


def _pdf() -> bytes:
    made = pikepdf.new()
    made.add_blank_page(page_size=(200, 200))
    script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
    made.Root.OpenAction = made.make_indirect(script)
    made.Root.Names = pikepdf.Dictionary(
        JavaScript=pikepdf.Dictionary(Names=pikepdf.Array([pikepdf.String("a"), script]))
    )
    made.attachments["evil.exe"] = b"MZ of a program"
    page = made.pages[0]
    page.obj.AA = pikepdf.Dictionary(O=script)
    page.obj.Annots = pikepdf.Array(
        [
            made.make_indirect(
                pikepdf.Dictionary(
                    Type=pikepdf.Name.Annot,
                    Subtype=pikepdf.Name.Link,
                    Rect=[0, 0, 9, 9],
                    A=pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://evil.example"),
                )
            )
        ]
    )
    with made.open_metadata() as about:
        about["dc:creator"] = ["Ann of Accounts"]
    made.docinfo["/Author"] = "Ann of Accounts"
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_a_photo_loses_where_and_by_whom_it_was_taken_and_stands_upright():
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "Ann of Accounts"
    media_type, kept = clean(_picture("JPEG", exif=exif, comment=b"Ann of Accounts"))

    assert media_type == JPEG
    assert b"Ann" not in kept
    with Image.open(io.BytesIO(kept)) as shown:
        assert (shown.size, dict(shown.getexif())) == ((20, 40), {})


def test_a_drawing_loses_its_texts_and_what_was_hung_behind_it():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Ann of Accounts")
    media_type, kept = clean(_picture("PNG", pnginfo=texts) + b"<script>alert(1)</script>")

    assert media_type == PNG
    assert b"Ann" not in kept
    assert b"script" not in kept


def test_a_large_photo_is_made_smaller():
    _, kept = clean(_picture("JPEG", (6000, 3000)))

    with Image.open(io.BytesIO(kept)) as shown:
        assert max(shown.size) == cleaning.SIDE_MAX


def test_a_document_loses_scripts_actions_links_attachments_and_its_maker():
    media_type, kept = clean(_pdf())

    assert media_type == PDF
    with pikepdf.open(io.BytesIO(kept)) as shown:
        assert len(shown.pages) == 1
        assert set(shown.Root.keys()) == {"/Type", "/Pages"}
        assert not {"/AA", "/Annots"} & set(shown.pages[0].obj.keys())
        whole = b"".join(
            thing.unparse(resolved=False) if not isinstance(thing, pikepdf.Stream) else thing.read_bytes()
            for thing in shown.objects
        )
    for mark in (b"alert", b"evil", b"MZ of", b"Ann of"):
        assert mark not in kept
        assert mark not in whole


def test_a_bomb_of_pixels_is_refused_before_it_is_unpacked():
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")

    with pytest.raises(Unclean, match=r"upload\.too_many_pixels"):
        clean(bomb.getvalue())


def test_a_locked_document_is_told_apart():
    with pikepdf.open(io.BytesIO(_pdf())) as opened:
        out = io.BytesIO()
        opened.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))

    with pytest.raises(Unclean, match=r"upload\.locked"):
        clean(out.getvalue())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"%PDF-1.7 and no more",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a<script>",
        b"\xff\xd8\xff\xe0 no picture",
        b"PK\x03\x04",
    ],
)
def test_what_is_no_photo_and_no_document_is_refused(content: bytes):
    with pytest.raises(Unclean, match=r"upload\.unreadable"):
        clean(content)


def test_what_is_kept_is_no_larger_than_what_may_be_sent(monkeypatch: pytest.MonkeyPatch):
    """ASVS 5.2.1: a small file that becomes a large one is refused where it is made, and never comes back whole."""
    monkeypatch.setattr(cleaning, "BYTES_MAX", 50)

    with pytest.raises(Unclean, match=r"upload\.too_large"):
        clean(_picture("PNG", (400, 200)))
