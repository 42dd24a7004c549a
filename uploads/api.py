"""POST /api/upload: a file comes in."""

import logging
from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.errors import RETRY_AFTER_SECONDS, ApiError
from accounts.models import Project
from uploads.models import Upload
from uploads.receiving import FIELD, MISSING, OneFileParser, ReceivedFile, refused
from uploads.store import store

logger = logging.getLogger(__name__)


class StoreUnavailable(ApiError):
    """503: the file store is in trouble, and the caller may try again in `wait` seconds."""

    wait = RETRY_AFTER_SECONDS

    def __init__(self) -> None:
        super().__init__(
            503, "unavailable", "The file store is out of reach. Nothing was stored: send it again."
        )


class UploadView(APIView):
    """Takes one file as multipart/form-data and answers where it can be seen."""

    parser_classes = [OneFileParser]

    def post(self, request: Request) -> Response:
        """Answer 201 once the file and its row are stored."""
        refuse_unknown_length(request)
        received = request.data  # parsed here: after the key was checked
        if not isinstance(received, ReceivedFile):
            raise refused({FIELD: MISSING})
        with received.content:
            upload = stored(caller(request).project, received)
        return Response(described(upload), status.HTTP_201_CREATED)


def refuse_unknown_length(request: Request) -> None:
    """Refuse a chunked body with 411 (RFC 9110, 15.5.12): WSGI can't tell where it ends."""
    if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
        raise ApiError(
            411, "length_required", "The Content-Length is missing. Send the body with its length."
        )


def stored(project: Project, received: ReceivedFile) -> Upload:
    """Store what was received; StoreUnavailable where the store is in trouble."""
    try:
        upload = store(project, received.content, received.filename)
    except OSError as error:
        logger.error("an upload could not be stored: %s", error)
        raise StoreUnavailable from error
    logger.info("stored %s: %d bytes of %s", upload.name, upload.size, upload.content_type)
    return upload


def described(upload: Upload) -> dict[str, Any]:
    """Return the answer that the specification fixes."""
    return {"url": upload.url, "filename": upload.name, "size": upload.size}
