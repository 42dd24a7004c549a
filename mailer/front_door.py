"""What a request meets in a web process: who is believed, the express for readers, then Django."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from delivery.domains.installation import this_installation
from delivery.domains.policy import PATH, policy_of
from delivery.domains.records import TRACKING_LABEL, return_path_host
from delivery.smtp.mta_sts import policy_host
from mailer.proxies import look_at_sender
from tracking.express import Application, Environ, Express

ALWAYS_ALLOWED = "localhost"  # whatever ALLOWED_HOSTS says
POLICY_HOSTS = policy_host(return_path_host(""))  # how they all begin
SENDERS_HOSTS = (f"{TRACKING_LABEL}.", POLICY_HOSTS)
IN_PIECES = re.compile(r"\w\*")  # a parameter cut or encoded as in mail (RFC 2231), `*/*` is none
CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)


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
        drop_what_django_stumbles_over(environ)
        handler = api if environ["PATH_INFO"].startswith("/api/") else pages
        return handler(environ, start_response)

    express = Express(django, lambda environ: always[_is_secure(environ)])

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        look_at_sender(environ)
        answer_to_any_name(environ)
        if is_policy(environ):
            return policy(environ, start_response)
        return express(environ, start_response)

    return application


def drop_what_django_stumbles_over(environ: Environ) -> None:
    """Take away parameters at which Django or DRF would raise, before any view can answer.

    HTTP has no RFC 2231 in Content-Type and Accept (RFC 9110, 5.6.6): a type that uses it is none
    that we take, and such a wish is passed over. Of a charset Django makes the encoding of the
    query, were it one of no text (`hex`); bodies and queries are UTF-8 here whatever it says.
    """
    if ";" in (said := environ.get("CONTENT_TYPE", "")):
        environ["CONTENT_TYPE"] = "" if IN_PIECES.search(said) else CHARSET.sub("", said)
    if ";" in (wish := environ.get("HTTP_ACCEPT", "")) and IN_PIECES.search(wish):
        del environ["HTTP_ACCEPT"]


def answer_to_any_name(environ: Environ) -> None:
    """Take what stands in sent mail for ours, under whatever name it was asked for.

    Which names lead here, DNS knows: ours, one that we had when the mail was sent, one of the
    sender's own. What a link says is signed, and no answer to it depends on the host; a file is
    public or not, but under senders' names there are links alone.
    """
    path = environ["PATH_INFO"]
    of_sender = environ.get("HTTP_HOST", "").lower().startswith(SENDERS_HOSTS)
    is_file = path.startswith("/uploads/") and environ["REQUEST_METHOD"] in ("GET", "HEAD")
    if path.startswith("/t/") or (is_file and not of_sender):
        environ["HTTP_HOST"] = ALWAYS_ALLOWED


def is_policy(environ: Environ) -> bool:
    """Tell whether somebody asks for the MTA-STS policy of a sender's return path."""
    host = environ.get("HTTP_HOST", "").lower()
    return bool(environ["PATH_INFO"] == PATH and host.startswith(POLICY_HOSTS))


def policy(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with it, where this installation takes mail by TLS; it is the same for all names."""
    ours = this_installation()
    found = ours.takes_tls and environ["REQUEST_METHOD"] in ("GET", "HEAD")
    body = policy_of(ours.mail_host).encode() if found else b""
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK" if found else "404 Not Found", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


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
