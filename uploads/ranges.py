"""Single byte ranges (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.http import parse_http_date_safe

SINGLE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `start` to `end`, both included, of a file of `size` bytes."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes these are."""
        return self.end - self.start + 1

    @property
    def content_range(self) -> str:
        """The value of the header Content-Range."""
        return f"bytes {self.start}-{self.end}/{self.size}"


class Unsatisfiable(ValueError):
    """The range lies past the end of the file: 416."""


def requested_range(request: HttpRequest, size: int, etag: str, modified: int) -> ByteRange | None:
    """Return the range that the answer shall have, None for the whole file.

    Several ranges, other units, HEAD and a stale If-Range all mean the whole. `modified` is in
    seconds since 1970. Raises Unsatisfiable.
    """
    header = request.headers.get("Range", "")
    if request.method != "GET" or not header or not _is_current(request, etag, modified):
        return None
    return parse_range(header, size)


def parse_range(header: str, size: int) -> ByteRange | None:
    """Return the single range in `header`, None where it holds anything else."""
    match = SINGLE.fullmatch(header)
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if first and last and int(last) < start:
        return None
    if start >= size or (not first and int(last) == 0):
        raise Unsatisfiable(header)
    return ByteRange(start, end, size)


def _is_current(request: HttpRequest, etag: str, modified: int) -> bool:
    """Tell whether If-Range, if any, names this very file (RFC 9110, 13.1.5)."""
    condition = request.headers.get("If-Range", "").strip()
    return not condition or condition == etag or parse_http_date_safe(condition) == modified
