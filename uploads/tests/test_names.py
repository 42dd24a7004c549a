"""Names that stored files are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.kinds import CLAIMED, EXTENSIONS, OCTETS
from uploads.names import STORED_NAME, stored_name


@pytest.mark.parametrize(
    ("filename", "content_type", "start", "end"),
    [
        ("image.png", "image/png", "image_", ".png"),
        ("Holiday Photo.JPEG", "image/jpeg", "holiday-photo_", ".jpeg"),
        ("naïve café.pdf", "application/pdf", "naive-cafe_", ".pdf"),
        ("отчёт.pdf", "application/pdf", "file_", ".pdf"),
        ("写真.png", "image/png", "file_", ".png"),
        ("archive.tar.gz", "application/gzip", "archive-tar_", ".gz"),
        ("picture.html", "image/png", "picture_", ".png"),
        ("page.png", "text/html", "page_", ".html"),
        ("drawing.sketch", OCTETS, "drawing_", ".sketch"),
        ("claims.png", OCTETS, "claims_", ".bin"),
        ("odd.a b", OCTETS, "odd_", ".bin"),
        ("noextension", "text/plain", "noextension_", ".txt"),
        (".htaccess", "text/plain", "htaccess_", ".txt"),
        ("x" * 200 + ".png", "image/png", "x" * 80 + "_", ".png"),
    ],
)
def test_stem_is_kept_and_extension_is_true(filename, content_type, start, end):
    name = stored_name(filename, content_type)
    assert name.startswith(start)
    assert name.endswith(end)
    assert len(name) == len(start) + 16 + len(end)


def test_names_are_random():
    assert len({stored_name("image.png", "image/png") for _ in range(1000)}) == 1000


@given(st.text(min_size=1, max_size=255), st.sampled_from(sorted(EXTENSIONS)))
def test_every_name_is_safe_in_a_url_a_header_and_a_path(filename, content_type):
    name = stored_name(filename, content_type)
    assert STORED_NAME.fullmatch(name)
    extension = name.rpartition(".")[2]
    assert extension in EXTENSIONS[content_type] or (
        content_type == OCTETS and extension not in CLAIMED
    )
