"""Refuse names of files that are unsafe to store, to show, or to save at the recipient's."""

import re
from typing import Final

FILENAME_LIMIT: Final = 255
"""Octets of UTF-8 in a name: what file systems hold."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")  # embeddings, overrides, isolates


class UnsafeFilename(ValueError):
    """A name that no file may have here; its text says why and what to do."""


def check_filename(name: str) -> None:
    """Refuse a name of an attachment or upload that is not one plain, visible file name.

    Raises UnsafeFilename for control characters, path separators, `.` and `..`, white space
    around it, characters that turn the writing direction (`gpj.exe` shown as `exe.jpg`), lone
    surrogates, and more than 255 octets of UTF-8.
    """
    if found := _CONTROL.search(name):
        raise UnsafeFilename(
            f"The file name contains the control character U+{ord(found[0]):04X}; remove it."
        )
    if _BIDI.search(name):
        raise UnsafeFilename("The file name turns the writing direction; remove those characters.")
    if "/" in name or "\\" in name:
        raise UnsafeFilename("The file name contains a path separator; give the name alone.")
    if name in {"", ".", ".."} or name != name.strip():
        raise UnsafeFilename("Give the file a name, without white space around it.")
    if len(name.encode()) > FILENAME_LIMIT:
        raise UnsafeFilename(f"The file name has more than {FILENAME_LIMIT} octets; shorten it.")
