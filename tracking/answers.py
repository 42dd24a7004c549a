"""What is answered to a reader's mail program: the pixel and the click redirect.

Both work from the token alone. Neither needs the database to answer.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from emails.events import Hit
from emails.models import EventType
from tracking.marking import keyring
from tracking.recorder import keep
from tracking.tokens import BadToken, Clicked, Opened

TRANSPARENT_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
NEVER_KEPT = "no-store, private, max-age=0"  # a cached answer is an event that we never see
LONGEST_USER_AGENT = 500


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of HTTP, without what every answer of this server carries."""

    status: int
    headers: dict[str, str]
    body: bytes


PIXEL: Final = Answer(
    200, {"Content-Type": "image/gif", "Cache-Control": NEVER_KEPT}, TRANSPARENT_GIF
)
NO_SUCH_LINK: Final = Answer(
    404,
    {"Content-Type": "text/plain; charset=utf-8"},
    b"This link is not one of ours, or was changed on its way.\n",
)


def pixel(token: str, reader: Reader | None) -> Answer:
    """Answer with a GIF always: a broken image in a mail helps nobody.

    Without a `reader` nothing is recorded.
    """
    read = _read(token)
    if isinstance(read, Opened) and reader:
        keep(_hit(EventType.OPEN, read, reader))
    return PIXEL


def click(token: str, reader: Reader | None) -> Answer:
    """Redirect to the very target that the mail named; 404 for a token that we did not sign.

    Without a `reader` nothing is recorded.
    """
    read = _read(token)
    if not isinstance(read, Clicked):
        return NO_SUCH_LINK
    if reader:
        keep(_hit(EventType.CLICK, read, reader, url=read.url))
    return _redirect(read.url)


def _read(token: str) -> Opened | Clicked | None:
    try:
        return keyring().read(token)
    except BadToken:
        return None


def _redirect(url: str) -> Answer:
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Location": url if url.isascii() and " " not in url else _quoted(url),
        "Cache-Control": NEVER_KEPT,
        "Referrer-Policy": "no-referrer",
    }
    return Answer(302, headers, b"")


def _quoted(url: str) -> str:
    """Return the URL as a browser would ask for it: spaces and non-ASCII percent-encoded."""
    return "".join(
        char
        if char.isascii() and char != " "
        else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in url
    )


def _hit(kind: EventType, read: Opened | Clicked, reader: Reader, **data: str) -> Hit:
    agent = reader.user_agent.replace("\x00", "")[:LONGEST_USER_AGENT]
    who = {"user_agent": agent, "ip": reader.address}
    return Hit(kind, read.email_id, read.recipient_id, timezone.now(), who | data)
