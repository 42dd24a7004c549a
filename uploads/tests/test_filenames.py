"""Which names files may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.filenames import UnsafeFilename, check_filename


@pytest.mark.parametrize(
    "name",
    ["a", "report.pdf", "Bericht für Köln.pdf", "報告書.pdf", 'a "b".txt', ".profile", "a" * 255],
)
def test_ordinary_names_pass(name):
    check_filename(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Give the file a name"),
        (".", "Give the file a name"),
        ("..", "Give the file a name"),
        (" a.txt", "white space"),
        ("a.txt\u00a0", "white space"),
        ("../../etc/passwd", "path separator"),
        ("..\\a", "path separator"),
        ("/a", "path separator"),
        ("a\r\nBcc: eve@example.org", "U\\+000D"),
        ("a\n", "U\\+000A"),
        ("a\tb", "U\\+0009"),
        ("a.png\0.exe", "U\\+0000"),
        ("a\x0bb", "U\\+000B"),
        ("a\x0cb", "U\\+000C"),
        ("a\x85b", "U\\+0085"),
        ("a\u2028b", "U\\+2028"),
        ("a\u2029b", "U\\+2029"),
        ("a\ud800b", "U\\+D800"),
        ("annual\u202egpj.exe", "writing direction"),
        ("a\u2067b", "writing direction"),
        ("a" * 256, "more than 255"),
        ("ä" * 128, "more than 255"),
    ],
)
def test_unsafe_names_are_refused(name, message):
    with pytest.raises(UnsafeFilename, match=message):
        check_filename(name)


@given(st.text())
def test_a_name_that_passes_names_one_file_in_one_folder(name):
    try:
        check_filename(name)
    except UnsafeFilename:
        return
    assert name.splitlines() == [name]
    assert not set(name) & set("/\\\0")
    assert 0 < len(name.encode()) <= 255
