"""The values a template may see: JSON, reached by key and index and by nothing else."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias, cast

from django.template import Context, Variable, VariableDoesNotExist

from .errors import RenderFailed
from .limits import Meter

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

MISSING_NAMED = 50  # more names help nobody, and each costs a search


class RenderContext(Context):
    """Django's stack of scopes, and what one rendering counts and misses."""

    def __init__(
        self, scope: dict[str, Any], variables: Mapping[str, Json], meter: Meter, *, html: bool
    ):
        super().__init__(scope, autoescape=html, use_l10n=False, use_tz=False)
        self.meter = meter
        self.missing: set[str] = set()
        self._variables = variables

    def miss(self, absent: "Absent") -> None:
        if len(self.missing) < MISSING_NAMED:
            self.missing.add(self._name(absent))

    def _name(self, absent: "Absent") -> str:
        """Where the value is missing among the variables (`items.1.price`), else as written."""
        path = self._paths.get(id(absent.holder))
        return absent.written if path is None else ".".join([path, *absent.rest])

    @cached_property
    def _paths(self) -> dict[int, str]:
        return dict(_containers(self._variables))


class Absent(VariableDoesNotExist):
    """A lookup that found nothing: what was written, the value it stopped at, the steps left."""

    def __init__(self, written: str, holder: object, rest: tuple[str, ...]) -> None:
        super().__init__("%s is missing", (written,))
        self.written = written
        self.holder = holder
        self.rest = rest


class JsonVariable(Variable):
    """A variable that never touches an attribute, calls a method or formats an object."""

    __slots__ = ()
    lookups: tuple[str, ...] | None

    def resolve(self, context: Context) -> Any:  # type: ignore[override]
        return self.literal if self.lookups is None else self._look_up(self.lookups, context)

    def _look_up(self, lookups: tuple[str, ...], context: Context) -> Any:
        if lookups[0] not in context:
            raise Absent(".".join(lookups), None, ())
        value = context[lookups[0]]
        for done, step in enumerate(lookups[1:], start=1):
            try:
                value = _child(value, step)
            except LookupError:
                raise Absent(".".join(lookups), value, lookups[done:]) from None
        return value


def _child(value: object, step: str) -> Any:
    if isinstance(value, dict):
        return value[step]
    if isinstance(value, list | tuple) and step.isdecimal() and len(step) < 10:
        return value[int(step)]
    raise KeyError(step)


def as_text(value: object) -> str:
    """The text a value is printed as, `null` as nothing.

    Lists and objects have none: Python's notation is no text for a reader, and one of them may
    hold the same long text many times. Raises RenderFailed.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    kind = "list" if isinstance(value, list | tuple) else "object"
    raise RenderFailed(f"A whole {kind} cannot be printed: loop over it, or name a part of it.")


def size_of(value: object) -> int:
    """What copying the value costs, in characters or items."""
    return len(value) if isinstance(value, str | list | tuple | dict) else 1


def _containers(variables: Mapping[str, Json]) -> Iterator[tuple[int, str]]:
    pending: list[tuple[str, object]] = [*variables.items()]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict | list):
            yield id(value), path
            keyed = value.items() if isinstance(value, dict) else enumerate(value)
            pending += ((f"{path}.{key}", child) for key, child in cast("Any", keyed))
