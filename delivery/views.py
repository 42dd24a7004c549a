"""The development inbox: what the capture transport caught, as a person reads mail."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from delivery.captured import CapturedMail
from delivery.inbox import Inbox
from emails.framing import framed

# What a mail brings can show itself and run nothing; its frame inherits this policy.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' http: https: data:; "
    "font-src http: https: data:; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SOURCE_SHOWN = 500_000  # characters
ADDRESSES = ("From", "To", "Cc", "Reply-To", "Delivered-To")
View = Callable[..., HttpResponse]


def development_page(view: View) -> View:
    """Answer 404 with any other transport, and ask for the staff login."""
    for_staff = staff_member_required(require_safe(never_cache(view)))

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if settings.MAIL_TRANSPORT != "capture":
            raise Http404("The inbox exists only with MAIL_TRANSPORT=capture.")
        response = for_staff(request, **kwargs)
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        return response

    return guarded


@development_page
def mails(request: HttpRequest) -> HttpResponse:
    """List the captured mails, newest first."""
    query = request.GET.get("q", "").strip()
    page = Inbox(settings.OUTBOX_ROOT).page(_page_number(request), query)
    return render(request, "inbox/mails.html", {"page": page, "query": query})


@development_page
def mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Show one mail, by the part of it that `?show=` names."""
    found = _mail(mail_id)
    tabs = [name for name in ("html", "text") if getattr(found, name)] + ["headers", "source"]
    shown = request.GET.get("show", "")
    shown = shown if shown in tabs else tabs[0]
    context = {
        "mail": found,
        "subject": found.header("Subject"),
        "addresses": [(name, value) for name in ADDRESSES if (value := found.header(name))],
        "tabs": tabs,
        "shown": shown,
    }
    return render(request, "inbox/mail.html", context | CONTENT[shown](found))


@development_page
def attachment(request: HttpRequest, mail_id: str, number: str) -> HttpResponse:
    """Hand out a file, to be saved and never to be shown on our origin."""
    files = _mail(mail_id).attachments
    if int(number) >= len(files):
        raise Http404("The mail has no such attachment.")
    file = files[int(number)]
    return _download(file.name, file.content, "application/octet-stream")


@development_page
def source(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Hand out the mail as it was captured."""
    return _download(f"{mail_id}.eml", _mail(mail_id).source, "message/rfc822")


CONTENT: dict[str, Callable[[CapturedMail], dict[str, Any]]] = {
    "html": lambda mail: {"document": framed(mail.html)},
    "text": lambda mail: {"content": mail.text},
    "headers": lambda mail: {"headers": mail.headers},
    "source": lambda mail: {
        "content": mail.source_text[:SOURCE_SHOWN],
        "cut": len(mail.source) > SOURCE_SHOWN,
    },
}


def _page_number(request: HttpRequest) -> int:
    asked = request.GET.get("page", "")
    return max(1, int(asked)) if asked.isdecimal() and len(asked) < 9 else 1


def _mail(mail_id: str) -> CapturedMail:
    found = Inbox(settings.OUTBOX_ROOT).read(mail_id)
    if found is None:
        raise Http404("There is no such captured mail.")
    return found


def _download(name: str, content: bytes, content_type: str) -> HttpResponse:
    disposition = content_disposition_header(as_attachment=True, filename=name)
    return HttpResponse(
        content,
        content_type=content_type,
        headers={
            "Content-Disposition": disposition,
            "Content-Security-Policy": "sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )
