"""A file from outside, made anew: what is kept of it is what it shows, and nothing that runs, calls home or tells of its maker.

It runs as a process of its own, whose memory and time are limited: a file that explodes takes nobody with it.

    python -m services.portal.cleaning <file | cat >clean      # the media type, and when a PDF says that it was written
                                                               # and changed ("-": it does not), a line break, the content
"""

import io
import re
import resource
import sys
from datetime import UTC, datetime, timedelta

import pikepdf
from PIL import Image, ImageOps

MEMORY_BYTES = 1 << 30
CPU_S = 20
PIXELS_MAX = 40_000_000
SIDE_MAX = 4096  # pixels; larger pictures are made smaller
PAGES_MAX = 500
BYTES_MAX = 8_000_000  # of what is kept
PNG, JPEG, PDF = "image/png", "image/jpeg", "application/pdf"
_PICTURES = ("JPEG", "PNG", "WEBP")
_PDF_TIME = re.compile(r"D:([0-9]{14})(?:Z.*|([+-])([0-9]{2})'?(?:([0-9]{2})'?)?)?")
_YEAR_LEAST = 1990


class Unclean(Exception):  # noqa: N818
    """The file is none of those that are taken; the code says why."""


def clean(content: bytes) -> tuple[str, bytes]:
    """The media type and the content of what is kept of a file. Raises Unclean."""
    try:
        media_type, made = (PDF, _pdf(content)) if content.startswith(b"%PDF-") else _picture(content)
    except Unclean:
        raise
    except Image.DecompressionBombError:
        raise Unclean("upload.too_many_pixels") from None
    except pikepdf.PasswordError:
        raise Unclean("upload.locked") from None
    except Exception as error:
        raise Unclean("upload.unreadable") from error
    if len(made) > BYTES_MAX:
        raise Unclean("upload.too_large")
    return media_type, made


def _picture(content: bytes) -> tuple[str, bytes]:
    with Image.open(io.BytesIO(content), formats=_PICTURES) as opened:
        if opened.width * opened.height > PIXELS_MAX:
            raise Unclean("upload.too_many_pixels")
        media_type = PNG if opened.format == "PNG" else JPEG
        opened.draft("RGB", (SIDE_MAX, SIDE_MAX))
        upright = ImageOps.exif_transpose(opened)
    upright.thumbnail((SIDE_MAX, SIDE_MAX))
    has_alpha = media_type == PNG and upright.has_transparency_data
    shown = upright.convert("RGBA" if has_alpha else "RGB")
    shown.info.clear()  # colour profiles, comments, places
    out = io.BytesIO()
    if media_type == PNG:
        shown.save(out, "PNG")
    else:
        shown.save(out, "JPEG", quality=88)
    return media_type, out.getvalue()


def _pdf(content: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(content)) as opened, pikepdf.new() as new:
        if len(opened.pages) > PAGES_MAX:
            raise Unclean("upload.too_many_pages")
        opened.flatten_annotations("all")  # stamps and notes stay as they look
        new.pages.extend(opened.pages)
        for page in new.pages:
            for key in ("/Annots", "/AA", "/AF", "/Metadata", "/PieceInfo"):
                if key in page.obj:
                    del page.obj[key]
        for thing in new.objects:
            if isinstance(thing, pikepdf.Stream):
                for key in ("/AF", "/Metadata", "/PieceInfo", "/OPI"):
                    if key in thing:
                        del thing[key]
        new.remove_unreferenced_resources()
        out = io.BytesIO()
        new.save(out, deterministic_id=True)
    return out.getvalue()


def told(content: bytes) -> list[str]:
    """When a PDF says that it was written, and changed last; nothing of other files."""
    if not content.startswith(b"%PDF-"):
        return []
    with pikepdf.open(io.BytesIO(content)) as opened:
        return [_instant(str(opened.docinfo.get(key, ""))) for key in ("/CreationDate", "/ModDate")]


def _instant(said: str) -> str:
    """A time of a PDF ("D:20250530090000+02'00'", ISO 32000-2, 7.9.4) in UTC, to the second; "-" for what is none."""
    if (found := _PDF_TIME.fullmatch(said)) is None:
        return "-"
    try:
        at = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if found[2]:
            hours, minutes = timedelta(hours=int(found[3])), timedelta(minutes=int(found[4] or 0))
            at -= (hours + minutes) * (1 if found[2] == "+" else -1)
    except (ValueError, OverflowError):
        return "-"
    return at.isoformat() if at.year >= _YEAR_LEAST else "-"


def main() -> int:
    """Clean what comes in."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # nothing is written to a disk
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        given = sys.stdin.buffer.read()
        media_type, content = clean(given)
        said = [media_type, *told(given)]
    except Unclean as unclean:
        sys.stderr.write(str(unclean))
        return 1
    sys.stdout.buffer.write(f"{' '.join(said)}\n".encode() + content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
