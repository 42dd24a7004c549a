"""Names of files: which ones we take from a caller, and which ones we give."""

import re
import secrets
import string
import unicodedata

from django.utils.text import slugify

from uploads.detection import extension_of
from uploads.kinds import safe_extension

MAX_FILENAME = 255  # characters
MAX_STEM = 80
ALPHABET = string.ascii_lowercase + string.digits
RANDOM_LENGTH = 16  # of 36 characters: 82 bits, because a public file is guarded by its name alone
STORED_NAME = re.compile(r"[a-z0-9_-]{1,100}_[a-z0-9]{16}\.[a-z0-9]{1,10}", re.ASCII)

# Controls, halves of surrogate pairs, line and paragraph separators (NEL is a control).
REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
# Marks that turn the reading direction make "gpj.exe" look like "exe.jpg".
REFUSED = set("/\\\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class UnsafeName(ValueError):
    """A file name that can't go into a header or a path; str() says why."""


def checked_filename(filename: str) -> str:
    """Return `filename` as it is; UnsafeName instead of repairing it silently."""
    if filename.strip() in {"", ".", ".."}:
        raise UnsafeName("The file needs a name.")
    if len(filename) > MAX_FILENAME:
        raise UnsafeName(f"The file name is longer than {MAX_FILENAME} characters.")
    for character in filename:
        if character in REFUSED or unicodedata.category(character) in REFUSED_CATEGORIES:
            raise UnsafeName(
                f"The file name contains U+{ord(character):04X}. Send a name without "
                "folders, control characters and line breaks."
            )
    return filename


def stored_name(filename: str, content_type: str) -> str:
    """Return a new name: slug of the stem, a random part, an extension true to the content.

    "Holiday Photo.PNG" becomes "holiday-photo_x8k2m4q7w1z5r9t3.png", a stem without letters of
    ours "file_…".
    """
    extension = extension_of(filename)
    stem = filename[: -len(extension) - 1] if extension else filename
    slug = slugify(stem.replace(".", "-"))[:MAX_STEM].strip("-_") or "file"
    unguessable = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return f"{slug}_{unguessable}.{safe_extension(content_type, extension)}"
