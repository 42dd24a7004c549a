"""Names that stored files are given."""

import re
import secrets
import string

from django.utils.text import slugify

from uploads.detection import extension_of
from uploads.kinds import safe_extension

MAX_STEM = 80
ALPHABET = string.ascii_lowercase + string.digits
RANDOM_LENGTH = 16  # of 36 characters: 82 bits, because a public file is guarded by its name alone
STORED_NAME = re.compile(r"[a-z0-9_-]{1,100}_[a-z0-9]{16}\.[a-z0-9]{1,10}", re.ASCII)


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
