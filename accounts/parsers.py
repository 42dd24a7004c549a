"""JSON bodies of bounded size and depth, holding only what every later step can hold."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from accounts.errors import ApiError, InvalidRequest

MAX_DEPTH = 32
MAX_DIGITS = 300  # the largest double has 309
MAX_FAULTS = 20  # named at once
SHOWN = 100  # characters of a name
BODY_DIGEST = "body_digest"  # in the parser's context: SHA-256 of the body, for idempotency.py


class LimitedJSONParser(BaseParser):
    """Reads a JSON body; DRF's own parser knows no size limit."""

    media_type = "application/json"
    limit_setting = "MAX_REQUEST_BYTES"
    limited_by = "one and a half times MAX_MESSAGE_BYTES"  # for who may change it

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the document. ApiError 413 past the limit, ParseError when not JSON."""
        limit = getattr(settings, self.limit_setting)
        declared = _content_length(parser_context or {})
        if declared > limit:  # refused before it is read
            raise too_large("request", limit, self.limited_by)
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise too_large("request", limit, self.limited_by)
        if isinstance(parser_context, dict):
            parser_context[BODY_DIGEST] = hashlib.sha256(raw).hexdigest()
        return document_of(raw)


def document_of(raw: bytes) -> Any:
    """Return the JSON document in `raw`, all of which every later step can hold.

    Raises ParseError where it is not JSON, InvalidRequest where it can't be held.
    """
    document = decode(raw)
    refuse_unholdable(document)
    return document


def refuse_unholdable(document: Any) -> None:
    """Raise InvalidRequest that names what PostgreSQL or UTF-8 can't hold, or what is too deep."""
    if unholdable := dict(islice(_unholdable(document), MAX_FAULTS)):
        raise InvalidRequest({name or "request": [why] for name, why in unholdable.items()})


def too_large(what: str, limit: int, limited_by: str) -> ApiError:
    """Return the 413 that names the limit and the setting that it comes from."""
    return ApiError(
        413,
        "too_large",
        f"The {what} is larger than {limit} bytes ({limited_by}). Make it smaller and send it "
        "again.",
    )


def _content_length(context: Mapping[str, Any]) -> int:
    request = context.get("request")
    value = str(request.META.get("CONTENT_LENGTH") or "") if request is not None else ""
    return int(value) if value.isascii() and value.isdigit() else 0


def decode(raw: bytes) -> Any:
    """Return the JSON document in `raw` (RFC 8259: UTF-8; a byte order mark is passed over).

    Raises ParseError, also for what programs read differently: a name that stands twice in an
    object, NaN and Infinity, and numbers beyond those of a double.
    """
    try:
        return json.loads(
            raw.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
            object_pairs_hook=_distinct,
        )
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8. Encode it as UTF-8.") from None
    except RecursionError:
        raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
    except ValueError as error:
        raise ParseError(f"The body is not JSON that can be taken: {error}.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits:.40} is too large a number")
    return number


def _bounded(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"{digits:.40}… is too large a number")
    return int(digits)


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(members)
    if len(document) < len(members):
        name = Counter(name for name, _ in members).most_common(1)[0][0]
        raise ValueError(f"the name {name!a:.80} stands twice in one object")
    return document


def _unholdable(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield (path, reason) for what PostgreSQL or UTF-8 can't hold, and for too much depth."""
    if len(path) > MAX_DEPTH:
        yield _shown(path), f"This is nested deeper than {MAX_DEPTH} levels."
    elif isinstance(value, str):
        if fault := _fault_of(value):
            yield _shown(path), fault
    elif isinstance(value, dict):
        for name, inner in value.items():
            if fault := _fault_of(name):
                yield _shown((*path, name)), f"The name: {fault}"
            yield from _unholdable(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unholdable(inner, (*path, str(index)))


def _fault_of(text: str) -> str | None:
    if "\x00" in text:
        return "This contains a NUL character. Remove it."
    if not text.isascii() and not _is_unicode(text):
        return "This contains half of a surrogate pair. Send whole characters."
    return None


def _shown(path: tuple[str, ...]) -> str:
    """Return the path as it stands in `fields`; what can't be shown is escaped."""
    return ".".join(
        name if len(name) <= SHOWN and name.isprintable() else f"{name!a:.{SHOWN}}" for name in path
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
