"""The type comes from the content; the extension refines it or is ignored."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.detection import RARE_TYPE, detect
from uploads.kinds import EXTENSIONS, OCTETS, SHOWN_INLINE

OFFICE = "application/vnd.openxmlformats-officedocument"
ISO = b"\x00\x00\x00\x20ftyp"


def zipped(*names, first=b""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if first:
            archive.writestr("mimetype", first)
        for name in names:
            archive.writestr(name, "content")
    return file.getvalue()


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return file.getvalue()


BINARY = [
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00", "image/png"),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg"),
    (b"\xff\xd8\xff\xdb\x00\x43\x00", "image/jpeg"),
    (b"GIF89a\x01\x00\x01\x00", "image/gif"),
    (b"RIFF\x10\x00\x00\x00WEBPVP8 \x00", "image/webp"),
    (ISO + b"avif\x00\x00\x00\x00", "image/avif"),
    (ISO + b"heic\x00\x00\x00\x00", "image/heif"),
    (ISO + b"isom\x00\x00\x02\x00", "video/mp4"),
    (b"II*\x00\x08\x00", "image/tiff"),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
    (b"{\\rtf1\\ansi text}", "application/rtf"),
    (zipped("a.txt"), "application/zip"),
    (zipped("[Content_Types].xml", "word/document.xml"), f"{OFFICE}.wordprocessingml.document"),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), f"{OFFICE}.spreadsheetml.sheet"),
    (
        zipped("[Content_Types].xml", "ppt/presentation.xml"),
        f"{OFFICE}.presentationml.presentation",
    ),
    (
        zipped(first=b"application/vnd.oasis.opendocument.text"),
        "application/vnd.oasis.opendocument.text",
    ),
    (zipped("OPS/a", first=b"application/epub+zip"), "application/epub+zip"),
    (gzip.compress(b"text", mtime=0), "application/gzip"),
    (bz2.compress(b"text"), "application/x-bzip2"),
    (lzma.compress(b"text"), "application/x-xz"),
    (tarred(), "application/x-tar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "application/x-ole-storage"),
    (b"ID3\x03\x00" + bytes(32), "audio/mpeg"),
    (b"RIFF\x10\x00\x00\x00WAVEfmt \x00", "audio/wav"),
    (b"MZ\x90\x00\x03" + bytes(64), "application/vnd.microsoft.portable-executable"),
    (b"\x00\x01\x02 nobody knows", OCTETS),
    (bytes(100), OCTETS),
    (b"SQLite format 3\x00" + bytes(64), "application/x-sqlite3"),
    (b"RIFF\x10\x00\x00\x00junk\x00", OCTETS),
    (b"\x00\x00\x00\x08mdat and nothing else", OCTETS),
    (b"a" * 73 + b"text and presentation", "text/plain"),
    (b"BZh is how I sign", "text/plain"),
]
MARKUP = [
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    (b'<?xml version="1.0"?>\n<!-- a -->\n<svg onload="alert(1)">', "image/svg+xml"),
    (b"\xef\xbb\xbf  <SVG >", "image/svg+xml"),
    (b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg/>', "image/svg+xml"),
    (b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    ("<svg onload='alert(1)'/>".encode("utf-16"), "image/svg+xml"),
    (b"<!DOCTYPE html><title>x</title>", "text/html"),
    (b"\n\n <script>alert(1)</script>", "text/html"),
    (b"<!-- comment --><IMG src=x onerror=alert(1)>", "text/html"),
    (b"</p><iframe src=x>", "text/html"),
    (b'<?xml version="1.0"?><feed/>', "application/xml"),
    (b"a < b and <svg> later", "text/plain"),
]
TEXT = [
    (b"a,b\n1,2\n", "data.csv", "text/csv"),
    (b"a,b\n1,2\n", "data.txt", "text/plain"),
    (b'{"a": 1}', "data.json", "application/json"),
    (b"BEGIN:VCALENDAR", "invite.ics", "text/calendar"),
    ("naïve\n".encode(), "notes.md", "text/markdown"),
    ("naïve;1\n".encode("cp1252"), "excel.csv", "text/csv"),
    ("text".encode("utf-16"), "notes.txt", "text/plain"),
    (b"just words", "page.html", "text/html"),
    (b"just words", "no-extension", "text/plain"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "old.xls", "application/vnd.ms-excel"),
]


@pytest.mark.parametrize(("content", "expected"), BINARY + MARKUP)
def test_content_tells_the_type_whatever_the_extension_says(content, expected):
    for filename in ("file", "file.png" if expected != "image/png" else "file.html", "file.svg"):
        assert detect(io.BytesIO(content), filename) == expected


@pytest.mark.parametrize(("content", "filename", "expected"), TEXT)
def test_an_extension_refines_what_the_content_allows(content, filename, expected):
    assert detect(io.BytesIO(content), filename) == expected


@pytest.mark.parametrize("extension", ["png", "jpg", "gif", "webp", "avif", "pdf"])
@pytest.mark.parametrize("content", [content for content, _ in MARKUP])
def test_markup_is_never_an_image_to_show(content, extension):
    assert detect(io.BytesIO(content), f"file.{extension}") not in SHOWN_INLINE


@given(st.binary(min_size=1, max_size=200), st.text(max_size=20))
def test_any_content_has_a_known_type_and_is_rewound(content, filename):
    file = io.BytesIO(content)
    content_type = detect(file, filename)
    assert content_type in EXTENSIONS or RARE_TYPE.fullmatch(content_type)
    assert file.tell() == 0


ATTACHED = {"text/plain", "application/xml", "image/svg+xml"}


@pytest.mark.parametrize(
    "hostile",
    [b"<!doctype svg" + b" " * 70_000, b"<!--" * 16_000, b"<?xml" * 13_000, b"<" * 65_536],
    ids=["spaces", "comments", "declarations", "brackets"],
)
@pytest.mark.timeout(5)
def test_hostile_text_is_read_in_linear_time(hostile):
    assert detect(io.BytesIO(hostile), "a.txt") in ATTACHED


def test_only_the_ends_of_a_large_file_are_read():
    class Counting(io.BytesIO):
        total = 0

        def read(self, size=-1):
            data = super().read(size)
            self.total += len(data)
            return data

    file = Counting(b"%PDF-1.7\n" + bytes(3_000_000))
    assert detect(file, "a.pdf") == "application/pdf"
    assert file.total <= 128 * 1024
