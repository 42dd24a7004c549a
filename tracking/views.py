"""What a reader's mail program fetches: the pixel and the click redirect.

Both work from the token alone. Neither needs the database to answer.
"""

from __future__ import annotations

import base64

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from emails.events import Hit
from emails.models import EventType
from tracking.marking import keyring
from tracking.recorder import keep
from tracking.tokens import BadToken, Clicked, Opened

TRANSPARENT_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
NEVER_KEPT = "no-store, private, max-age=0"  # a cached answer is an event that we never see
LONGEST_USER_AGENT = 500


@csrf_exempt
@require_safe
def pixel(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with a GIF always: a broken image in a mail helps nobody."""
    try:
        read = keyring().read(token)
    except BadToken:
        read = None
    if isinstance(read, Opened) and request.method == "GET":
        keep(_hit(request, EventType.OPEN, read))
    return HttpResponse(
        TRANSPARENT_GIF, content_type="image/gif", headers={"Cache-Control": NEVER_KEPT}
    )


@csrf_exempt
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Redirect to the very target that the mail named; 404 for a token that we did not sign."""
    try:
        read = keyring().read(token)
    except BadToken:
        read = None
    if not isinstance(read, Clicked):
        return _no_such_link()
    if request.method == "GET":  # HEAD is how link checkers look: it redirects and records nothing
        keep(_hit(request, EventType.CLICK, read, url=read.url))
    return _redirect(read.url)


def _redirect(url: str) -> HttpResponse:
    # Not HttpResponseRedirect: it would quote the target anew, and the target is exact.
    response = HttpResponse(status=302, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = _ascii(url)
    response.headers["Cache-Control"] = NEVER_KEPT
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _ascii(url: str) -> str:
    """Return the URL as a browser would ask for it: spaces and non-ASCII percent-encoded."""
    return "".join(
        char
        if char.isascii() and char != " "
        else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in url
    )


def _no_such_link() -> HttpResponse:
    return HttpResponse(
        "This link is not one of ours, or was changed on its way.\n",
        status=404,
        content_type="text/plain; charset=utf-8",
    )


def _hit(request: HttpRequest, kind: EventType, read: Opened | Clicked, **data: str) -> Hit:
    agent = request.headers.get("User-Agent", "").replace("\x00", "")[:LONGEST_USER_AGENT]
    return Hit(
        kind,
        read.email_id,
        read.recipient_id,
        timezone.now(),
        {"user_agent": agent, "ip": request.META.get("REMOTE_ADDR", ""), **data},
    )
