"""GET /uploads/<name>: public files, for pages and mail readers, from either store."""

import logging

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from uploads.models import Upload
from uploads.names import STORED_NAME
from uploads.ranges import ByteRange, Unsatisfiable, requested_range

logger = logging.getLogger(__name__)

SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}
RETRY_AFTER_SECONDS = 5


@csrf_exempt  # so that a POST is told 405: nothing here changes anything
@require_safe
def serve(request: HttpRequest, name: str) -> HttpResponseBase:
    """Answer with the file. One query; the store is asked only when the content is sent."""
    upload = public_upload(name)
    if upload is None:
        return not_found()
    etag, modified = f'"{upload.name}"', int(upload.created_at.timestamp())
    headers = headers_of(upload, etag, modified)
    unchanged = get_conditional_response(request, etag, modified)
    if unchanged is not None:
        return with_headers(unchanged, headers)
    try:
        part = requested_range(request, upload.size, etag, modified)
    except Unsatisfiable:
        return unsatisfiable(upload)
    return content(request, upload, part, headers)


def public_upload(name: str) -> Upload | None:
    """Return the public upload of that name, without a query for what can't be a name."""
    return (
        Upload.objects.public().filter(name=name).first() if STORED_NAME.fullmatch(name) else None
    )


def headers_of(upload: Upload, etag: str, modified: int) -> dict[str, str]:
    """Return what every answer about an upload says. Its content never changes."""
    as_attachment = not upload.shown_inline
    return SAFETY | {
        "ETag": etag,
        "Last-Modified": http_date(modified),
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "Content-Disposition": content_disposition_header(as_attachment, upload.filename) or "",
    }


def content(
    request: HttpRequest, upload: Upload, part: ByteRange | None, headers: dict[str, str]
) -> HttpResponseBase:
    """Answer with the file or a part of it; the store is opened before the status is sent."""
    length = part.length if part else upload.size
    headers = headers | {"Content-Length": str(length)}
    if part:
        headers["Content-Range"] = part.content_range
    if request.method == "HEAD":
        return HttpResponse(content_type=upload.content_type, headers=headers)
    try:
        source = upload.open_at(part.start, part.length) if part else upload.open_at()
    except FileNotFoundError:
        logger.error("the store lost %s", upload.name)
        return not_found()
    except OSError as error:
        return unavailable(error)
    return StreamingHttpResponse(
        source, status=206 if part else 200, content_type=upload.content_type, headers=headers
    )


def with_headers(response: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    """Add the headers that a 304 or 412 repeats (RFC 9110, 15.4.5)."""
    for header, value in headers.items():
        response.headers[header] = value
    return response


def plain(status: int, sentence: str, **headers: str) -> HttpResponse:
    """Answer with a sentence: this is a page for people, not the API."""
    fixed = SAFETY | {"Cache-Control": "no-store"}
    return HttpResponse(
        f"{sentence}\n", "text/plain; charset=utf-8", status, headers=fixed | headers
    )


def not_found(*_: object) -> HttpResponse:
    """Answer alike for what never was, what is gone and what is private."""
    return plain(404, "There is no such file.")


def unsatisfiable(upload: Upload) -> HttpResponse:
    """Answer that the file is shorter than the range (RFC 9110, 15.5.17)."""
    response = plain(416, f"The file has {upload.size} bytes.")
    response.headers["Content-Range"] = f"bytes */{upload.size}"
    return response


def unavailable(error: OSError) -> HttpResponse:
    """Answer that the store is out of reach."""
    logger.error("a file could not be read: %s", error)
    response = plain(503, "The file can't be read at the moment. Try again in a few seconds.")
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
