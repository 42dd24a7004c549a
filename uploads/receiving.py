"""One file out of a multipart body (RFC 7578), on its way to disk and never whole in memory."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from accounts.errors import ApiError
from accounts.parsers import too_large
from uploads.filenames import UnsafeFilename, check_filename

FIELD = "file"
IN_MEMORY_BYTES = 256 * 1024  # smaller files never touch the disk twice
OVERHEAD_BYTES = 16 * 1024  # boundaries and headers around the file
UNREADABLE = "The form can't be read:"
HOW = 'Send the file as `-F "file=@image.png"` does with curl.'
MISSING = f"The file is missing. {HOW}"


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that came in whole; who takes it closes it."""

    filename: str
    content: IO[bytes]


def refused(fields: Mapping[str, str]) -> ApiError:
    """Return the 400 that names every wrong part of the form."""
    message = f"Nothing was stored. Correct {', '.join(fields)} and send again."
    return ApiError(400, "invalid_request", message, {name: [why] for name, why in fields.items()})


def file_too_large() -> ApiError:
    """Return the 413 that names the limit."""
    return too_large("file", settings.MAX_UPLOAD_BYTES, "MAX_UPLOAD_BYTES")


class OneFileParser(BaseParser):
    """Parses a form that holds `file` and nothing else into a ReceivedFile."""

    media_type = "multipart/form-data"

    def parse(  # type: ignore[override]  # the stubs know forms and mappings only
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> ReceivedFile:
        """Return the file. ApiError 413 as soon as it is too large, 400 for any other fault."""
        request: Request = (parser_context or {})["request"]
        refuse_by_length(request)
        handler = OneFileHandler()
        try:
            form = _parse(request, stream, handler)
            return handler.received(form)
        except BaseException:
            handler.discard()
            raise


def refuse_by_length(request: Request) -> None:
    """Refuse by Content-Length alone, before a byte of the body is read."""
    declared = int(request.META.get("CONTENT_LENGTH") or 0)
    if declared > settings.MAX_UPLOAD_BYTES + OVERHEAD_BYTES:
        raise file_too_large()


def _parse(request: Request, stream: Any, handler: "OneFileHandler") -> Mapping[str, str]:
    """Run the form through `handler` and return the fields that are not files."""
    try:
        fields, _ = _VerbatimNames(request.META, stream, [handler], "utf-8").parse()
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError) as error:
        raise ApiError(400, "malformed_request", f"{UNREADABLE} {error} {HOW}") from error
    except (TypeError, ValueError) as error:  # by which Python refuses parameters (RFC 2231)
        message = f"{UNREADABLE} a header is malformed. {HOW}"
        raise ApiError(400, "malformed_request", message) from error
    return fields


class _VerbatimNames(MultiPartParser):
    """Leaves file names as they came: what is unsafe is refused, not repaired silently."""

    def sanitize_file_name(self, file_name: str) -> str:
        return file_name


class OneFileHandler(FileUploadHandler):
    """Counts and keeps the bytes of `file`, and remembers what is wrong with the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, str] = {}
        self._filename: str | None = None
        self._complete = False
        self._spool = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 (see discard)

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        """Take the first `file`; pass over any other part."""
        if field_name != FIELD:
            self.faults[field_name] = _unknown()
        elif self._filename is not None:
            self.faults[FIELD] = "Send one file a request."
        else:
            self._filename = file_name
            self._check_name(file_name)
            return
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep a chunk; ApiError 413 at the first byte too many."""
        if start + len(raw_data) > settings.MAX_UPLOAD_BYTES:
            raise file_too_large()
        self._spool.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """Note that the closing boundary was seen."""
        self._complete = True

    def received(self, fields: Mapping[str, str]) -> ReceivedFile:
        """Return the file, or raise the 400 that names all faults of the form."""
        self.faults |= {name: _unknown() for name in fields if name != FIELD}
        if fault := self._fault(FIELD in fields):
            self.faults.setdefault(FIELD, fault)
        if self.faults or self._filename is None:
            raise refused(self.faults)
        return ReceivedFile(self._filename, self._spool)

    def discard(self) -> None:
        """Throw away what was kept."""
        self._spool.close()

    def _fault(self, sent_as_text: bool) -> str | None:
        """Return what is wrong with the content of `file`."""
        if sent_as_text:
            return f"The part has no file name. {HOW}"
        if self._filename is None:
            return MISSING
        if not self._complete:
            return "The body ended before the file did. Send it whole."
        return "The file is empty." if self._spool.tell() == 0 else None

    def _check_name(self, file_name: str) -> None:
        try:
            check_filename(file_name)
        except UnsafeFilename as error:
            self.faults[FIELD] = str(error)
            raise SkipFile from None


def _unknown() -> str:
    return f"There is no such field. Send `{FIELD}` alone."
