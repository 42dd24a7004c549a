"""POST /api/upload: a file comes in."""

import logging
from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.errors import Unavailable
from accounts.models import Project
from accounts.views import ApiView
from uploads.models import Upload
from uploads.receiving import FIELD, MISSING, OneFileParser, ReceivedFile, refused
from uploads.store import store

logger = logging.getLogger(__name__)


class UploadView(ApiView):
    """Takes one file as multipart/form-data and answers where it can be seen."""

    parser_classes = [OneFileParser]

    def post(self, request: Request) -> Response:
        """Answer 201 once the file and its row are stored."""
        received = request.data  # parsed here: after the key was checked
        if not isinstance(received, ReceivedFile):
            raise refused({FIELD: MISSING})
        with received.content:
            upload = stored(caller(request).project, received)
        return Response(described(upload), status.HTTP_201_CREATED)


def stored(project: Project, received: ReceivedFile) -> Upload:
    """Store what was received; Unavailable where the store is in trouble."""
    try:
        upload = store(project, received.content, received.filename)
    except OSError as error:
        logger.error("an upload could not be stored: %s", error)
        raise Unavailable(
            "The file store is out of reach. Nothing was stored: send it again."
        ) from error
    logger.info("stored %s: %d bytes of %s", upload.name, upload.size, upload.content_type)
    return upload


def described(upload: Upload) -> dict[str, Any]:
    """Return the answer that the specification fixes."""
    return {"url": upload.url, "filename": upload.name, "size": upload.size}
