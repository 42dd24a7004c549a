"""The filters a template may use: Django's, where they are harmless, behind a check of types.

Not here, on purpose: `safe` (variables are never HTML), `center`, `ljust`, `rjust` and
`stringformat` (any amount of memory from a few characters), `pprint` (shows objects).
Dates are JSON strings in ISO 8601, printed in the offset that they were written with.
"""

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.template import Library, defaultfilters
from django.utils.dateformat import format as format_date
from django.utils.dateformat import time_format

from .errors import RenderFailed
from .values import as_text

DATE_FORMAT, TIME_FORMAT = "N j, Y", "P"
LONGEST_FORMAT = 100
LONGEST_MARKUP = 50_000  # Django parses up to 50 times to be sure that no tag is left
LONGEST_JOINED = 1_000_000
MOST_DECIMALS = 30

library = Library()


def _text_filter(name: str) -> None:
    """Django's filter of that name, given text alone; Django would print an object first."""
    django: Any = getattr(defaultfilters, name, None) or getattr(defaultfilters, f"{name}_filter")
    needs_autoescape = getattr(django, "needs_autoescape", False)

    def checked(value: object, *args: object, **options: object) -> Any:
        return django(as_text(value), *(as_text(arg) for arg in args), **options)

    checked.__wrapped__ = django  # type: ignore[attr-defined]  # Django counts its arguments
    library.filter(
        name,
        checked,
        is_safe=getattr(django, "is_safe", False),
        needs_autoescape=needs_autoescape,
    )


TEXT_FILTERS = (
    "capfirst",
    "escape",
    "linebreaks",
    "linebreaksbr",
    "lower",
    "title",
    "truncatechars",
    "truncatewords",
    "upper",
    "urlencode",
)
for _name in TEXT_FILTERS:
    _text_filter(_name)

for _name in ("default", "default_if_none", "length", "yesno"):
    library.filter(_name, getattr(defaultfilters, _name))


@library.filter(is_safe=False)
def add(value: object, arg: object) -> object:
    """Whole numbers are added; lists, and texts, are joined."""
    if isinstance(value, list) and isinstance(arg, list):
        return value + arg
    try:
        return int(as_text(value)) + int(as_text(arg))
    except ValueError:
        return as_text(value) + as_text(arg)


@library.filter(name="date", is_safe=False)
def date_filter(value: object, arg: str = DATE_FORMAT) -> str:
    """An ISO 8601 date, or date and time, in Django's notation."""
    return _formatted(value, arg, datetime.fromisoformat, format_date)


@library.filter(name="time", is_safe=False)
def time_filter(value: object, arg: str = TIME_FORMAT) -> str:
    """An ISO 8601 time, or date and time, in Django's notation."""
    return _formatted(value, arg, _clock_time, time_format)


@library.filter(is_safe=False)
def divisibleby(value: object, arg: object) -> bool:
    try:
        return int(as_text(value)) % int(as_text(arg)) == 0
    except (ValueError, ZeroDivisionError) as error:
        raise RenderFailed("divisibleby divides a whole number by another.") from error


@library.filter(is_safe=True)
def floatformat(value: object, arg: int | str = -1) -> str:
    """`"2"` decimals, `"-2"` only if there are any, `"2g"` with thousands grouped."""
    digits = as_text(arg).rstrip("gu").lstrip("-") or "1"
    if not digits.isdecimal() or int(digits) > MOST_DECIMALS:
        raise RenderFailed(f"floatformat takes at most {MOST_DECIMALS} decimals.")
    return str(defaultfilters.floatformat(as_text(value), arg))


@library.filter(is_safe=True)
def first(value: object) -> object:
    return _items(value)[0] if value else ""


@library.filter(is_safe=True)
def last(value: object) -> object:
    return _items(value)[-1] if value else ""


@library.filter(is_safe=True, needs_autoescape=True)
def join(value: object, arg: object, autoescape: bool = True) -> object:
    """The texts or numbers of a list, with the text between them."""
    texts = [as_text(item) for item in _items(value or [])]
    between = as_text(arg)
    # Asked before it is made: a long list may hold one long text many times.
    if sum(map(len, texts)) + len(between) * len(texts) > LONGEST_JOINED:
        raise RenderFailed(f"join makes at most {LONGEST_JOINED:,} characters.")
    return defaultfilters.join(texts, between, autoescape)


@library.filter(is_safe=False)
def pluralize(value: object, arg: object = "s") -> str:
    return str(defaultfilters.pluralize(value, as_text(arg)))


@library.filter(is_safe=True)
def striptags(value: object) -> str:
    text = as_text(value)
    if len(text) > LONGEST_MARKUP:
        raise RenderFailed(f"striptags takes at most {LONGEST_MARKUP:,} characters.")
    try:
        return str(defaultfilters.striptags(text))
    except SuspiciousOperation as error:
        raise RenderFailed("striptags found no end of tags within tags.") from error


def _formatted(
    value: object,
    layout: str,
    read: Callable[[str], Any],
    write: Callable[[Any, str], object],
) -> str:
    text = as_text(value)
    if not text:
        return ""
    if len(as_text(layout)) > LONGEST_FORMAT:
        raise RenderFailed(f"A date format has at most {LONGEST_FORMAT} characters.")
    try:
        return str(write(read(text), layout))
    except ValueError as error:
        raise RenderFailed(f"{text[:40]!r} is not an ISO 8601 date or time.") from error
    except (TypeError, AttributeError) as error:
        raise RenderFailed(f"{text[:40]!r} has no such part as {layout!r} prints.") from error


def _clock_time(text: str) -> datetime | time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)


def _items(value: object) -> Any:
    if isinstance(value, str | list | tuple):
        return value
    raise RenderFailed("Only a list has items.")
