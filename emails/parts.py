"""Refuse what cannot describe an attached file in its header: media types and Content-IDs."""

import re
from typing import Final

from emails.headers import UnsafeHeader

CONTENT_TYPE_LIMIT: Final = 200
CONTENT_ID_LIMIT: Final = 200

_TOKEN = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+"  # RFC 2045 §5.1  # noqa: S105
_CONTENT_TYPE = re.compile(rf'({_TOKEN})/{_TOKEN}((?:; ?{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*)')
_PARAMETER = re.compile(rf"; ?({_TOKEN})=")
_CONTENT_ID = re.compile(r"[!-;=?-~]+")


def check_content_type(value: str) -> None:
    """Refuse what is not a media type of one part: `image/png`, `text/csv; charset=utf-8`."""
    found = _CONTENT_TYPE.fullmatch(value[: CONTENT_TYPE_LIMIT + 1])
    if not found or len(value) > CONTENT_TYPE_LIMIT:
        raise UnsafeHeader(f"{value!a:.80} is not a media type; write one such as image/png.")
    if found[1].lower() == "multipart":
        raise UnsafeHeader("A multipart type cannot be attached; attach its parts one by one.")
    if {name.lower() for name in _PARAMETER.findall(found[2])} & {"name", "boundary"}:
        raise UnsafeHeader("Leave name and boundary out of the media type; use filename.")


def check_content_id(value: str) -> None:
    """Refuse a Content-ID (without its angle brackets) that `cid:` links could not name."""
    if not _CONTENT_ID.fullmatch(value):
        raise UnsafeHeader("Write content_id in printable ASCII without spaces and <>.")
    if len(value) > CONTENT_ID_LIMIT:
        raise UnsafeHeader(f"Write content_id in at most {CONTENT_ID_LIMIT} characters.")
