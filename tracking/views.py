"""What a reader's mail program fetches, where Django is asked: see `answers.py`, `express.py`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tracking import answers
from tracking.answers import Answer, Reader


@csrf_exempt
@require_safe
def pixel(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with a GIF always."""
    return _response(answers.pixel(token, _reader(request)))


@csrf_exempt
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Redirect to the target of the link, 404 for what is none of ours."""
    return _response(answers.click(token, _reader(request)))


def _reader(request: HttpRequest) -> Reader | None:
    """Return who asks; None for HEAD, which is how link checkers look: they read nothing."""
    if request.method != "GET":
        return None
    agent = request.headers.get("User-Agent", "")
    return Reader(request.META.get("REMOTE_ADDR", ""), agent)


def _response(answer: Answer) -> HttpResponse:
    # Not HttpResponseRedirect: it would quote the target anew, and the target is exact.
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
