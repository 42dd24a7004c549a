"""One shape for every error: {"error": {"code", "message", "fields"}}."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.response import Response

from accounts.authentication import HOW

logger = logging.getLogger(__name__)

Fields = Mapping[str, Sequence[str]]
RETRY_AFTER_SECONDS = 5


class ApiError(exceptions.APIException):
    """A refusal with a code of its own; `message` says what to do."""

    def __init__(
        self,
        status_code: int,
        code: str,
        message: str,
        fields: Fields | None = None,
        **extra: str,
    ) -> None:
        super().__init__(message, code)
        self.status_code, self.code, self.message = status_code, code, message
        self.fields, self.extra = fields or {}, extra


class InvalidRequest(ApiError):
    """400, or 422 where the request is well formed but can't be carried out."""

    def __init__(self, fields: Fields, status_code: int = 400, code: str = "invalid_request"):
        names = ", ".join(fields)
        super().__init__(
            status_code, code, f"Nothing was sent. Correct {names} and send again.", fields
        )


class Unavailable(ApiError):
    """503: a part that we need is out of reach; the caller may try again in `wait` seconds."""

    wait = RETRY_AFTER_SECONDS

    def __init__(self, message: str) -> None:
        super().__init__(status.HTTP_503_SERVICE_UNAVAILABLE, "unavailable", message)


def body(code: str, message: str, fields: Fields | None = None, **extra: str) -> dict[str, Any]:
    """Return the error's JSON."""
    content = {name: list(messages) for name, messages in (fields or {}).items()}
    return {"error": {"code": code, "message": message, "fields": content, **extra}}


# DRF's own refusals: code and what to do about it. {detail} is DRF's sentence.
KNOWN: dict[type[exceptions.APIException], tuple[str, str]] = {
    exceptions.NotAuthenticated: ("not_authenticated", f"An API key is missing. {HOW}"),
    exceptions.AuthenticationFailed: ("authentication_failed", "{detail}"),
    exceptions.PermissionDenied: ("permission_denied", "{detail}"),
    exceptions.NotFound: ("not_found", "{detail} Check the address and the id."),
    exceptions.MethodNotAllowed: ("method_not_allowed", "{detail} Allowed: {allow}."),
    exceptions.UnsupportedMediaType: ("unsupported_media_type", "{detail} Send {accepted}."),
    exceptions.NotAcceptable: ("not_acceptable", "{detail} Answers are application/json."),
    exceptions.ParseError: ("malformed_request", "{detail}"),
    exceptions.Throttled: ("too_many_requests", "{detail}"),
}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Answer any exception of an API view (DRF's EXCEPTION_HANDLER)."""
    exc = _translated(exc)
    if isinstance(exc, ApiError):
        return _response(exc, body(exc.code, exc.message, exc.fields, **exc.extra))
    if isinstance(exc, exceptions.ValidationError):
        return _response(exc, _invalid(exc))
    if isinstance(exc, exceptions.APIException):
        return _response(exc, _known(exc, context))
    logger.exception("a request failed", exc_info=exc)
    return Response(body(*SERVER_ERROR), status.HTTP_500_INTERNAL_SERVER_ERROR)


def _translated(exc: Exception) -> Exception:
    """Return the refusal that an exception of Django means, or the exception itself."""
    match exc:
        case Http404():
            return exceptions.NotFound("There is nothing here.")
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case UnreadablePostError():
            return exceptions.ParseError("The body ended before its Content-Length. Send it whole.")
        case OperationalError() | InterfaceError():
            logger.error("the database is out of reach: %s", exc)
            return Unavailable(
                "The database is out of reach. Send the request again after the seconds in "
                "Retry-After."
            )
    return exc


def _response(exc: exceptions.APIException, data: dict[str, Any]) -> Response:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(data, exc.status_code, headers=headers)


def _known(exc: exceptions.APIException, context: dict[str, Any]) -> dict[str, Any]:
    code, message = KNOWN.get(type(exc), ("error", "{detail}"))
    view = context.get("view")
    allow = ", ".join(getattr(view, "allowed_methods", []))
    accepted = ", ".join(parser.media_type for parser in getattr(view, "parser_classes", []))
    return body(code, message.format(detail=exc.detail, allow=allow, accepted=accepted))


def _invalid(exc: exceptions.ValidationError) -> dict[str, Any]:
    fields: dict[str, list[str]] = {}
    for name, message in _flatten(exc.detail):
        fields.setdefault(name or "request", []).append(message)
    return body("invalid_request", InvalidRequest(fields).message, fields)


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            at = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
            yield from _flatten(inner, at)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flatten(inner, f"{path}.{index}".lstrip(".") if nested else path)
    else:
        yield path, str(detail)


SERVER_ERROR = (
    "server_error",
    "Something went wrong on our side, and it was logged. If you sent mail with this request, "
    "look whether it was accepted before you send it again.",
)
NOT_FOUND = ("not_found", "There is no such address. Check the path against the documentation.")
BAD_REQUEST = ("bad_request", "The request can't be understood. Check its host and headers.")


@csrf_exempt  # a POST to a misspelt path is told so, not that a cookie is missing
def not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
    """Answer for an unknown path of the API."""
    return JsonResponse(body(*NOT_FOUND), status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer for a failure outside of DRF's views."""
    return JsonResponse(body(*SERVER_ERROR), status=500)


def bad_request(request: HttpRequest) -> JsonResponse:
    """Answer for a request that Django itself refused."""
    return JsonResponse(body(*BAD_REQUEST), status=400)
