"""What a request meets in a web process: who is believed, the express for readers, then Django."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from delivery.domains.records import TRACKING_LABEL
from mailer.proxies import look_at_sender
from tracking.express import Application, Environ, Express


class ApiHandler(WSGIHandler):
    """Django with the middleware of the API alone."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Load API_MIDDLEWARE as Django loads MIDDLEWARE; while nothing is served yet."""
        of_pages = settings.MIDDLEWARE
        settings.MIDDLEWARE = settings.API_MIDDLEWARE
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = of_pages


def front_door(pages: Application, api: Application) -> Application:
    """Return the WSGI application of web processes: before Django's, which has two handlers."""
    always = {secure: _headers_of_every_answer(secure) for secure in (False, True)}

    def django(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        handler = api if environ["PATH_INFO"].startswith("/api/") else pages
        return handler(environ, start_response)

    express = Express(django, lambda environ: always[_is_secure(environ)])

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        look_at_sender(environ)
        answer_to_senders_names(environ)
        return express(environ, start_response)

    return application


def answer_to_senders_names(environ: Environ) -> None:
    """Take a tracked link under a name of the sender's own for one under ours.

    Which names lead here, DNS knows, and a database that is away must break no link. What the
    link says is signed, and no answer to it depends on the host.
    """
    host = environ.get("HTTP_HOST", "")
    if environ["PATH_INFO"].startswith("/t/") and host.lower().startswith(f"{TRACKING_LABEL}."):
        environ["HTTP_HOST"] = urlsplit(settings.PUBLIC_URL).netloc


def _is_secure(environ: Environ) -> bool:
    """Tell whether the reader's side speaks https; see SECURE_PROXY_SSL_HEADER in the settings."""
    said = environ.get("HTTP_X_FORWARDED_PROTO")
    scheme = environ["wsgi.url_scheme"] if said is None else said.split(",")[0].strip()
    return bool(scheme == "https")


def _headers_of_every_answer(secure: bool) -> dict[str, str]:
    """Return what the middleware of the settings adds, as it says itself."""
    request = HttpRequest()
    request.META["HTTP_X_FORWARDED_PROTO"] = "https" if secure else "http"
    response = HttpResponse()
    for middleware in (SecurityMiddleware, XFrameOptionsMiddleware):
        middleware(lambda request: response).process_response(request, response)
    return {name: value for name, value in response.headers.items() if name != "Content-Type"}
