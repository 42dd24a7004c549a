"""Answers readers in front of Django, whose way from a request to a view costs more than the work.

Only what is usual goes this way: a GET of a well-formed path, under whatever name. All else is
Django's, which comes to the same answers through `views.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from tracking import answers
from tracking.answers import Answer, Reader

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_PATH = re.compile(r"/t/(?:o/(?P<open>[A-Za-z0-9_-]+)\.gif|c/(?P<click>[A-Za-z0-9_-]+))", re.ASCII)
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Express:
    """A WSGI application before another one, which is asked where this one does not answer.

    `always(environ)` returns the headers that every answer carries, where it has none of its own.
    `REMOTE_ADDR` is taken for the reader's address.
    """

    def __init__(self, behind: Application, always: Callable[[Environ], Mapping[str, str]]) -> None:
        self._behind = behind
        self._always = always

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        answer = self._answer(environ) if environ["PATH_INFO"].startswith("/t/") else None
        if answer is None:
            return self._behind(environ, start_response)
        headers = {**self._always(environ), **answer.headers}
        headers["Content-Length"] = str(len(answer.body))
        start_response(_STATUS_LINES[answer.status], list(headers.items()))
        return [answer.body]

    def _answer(self, environ: Environ) -> Answer | None:
        path = _PATH.fullmatch(environ["PATH_INFO"])
        if path is None or environ["REQUEST_METHOD"] != "GET" or environ.get("SCRIPT_NAME"):
            return None
        reader = Reader(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_USER_AGENT", ""))
        if path["open"]:
            return answers.pixel(path["open"], reader)
        return answers.click(path["click"], reader)
