"""Made-up variables for the preview of a template: each name stands for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from emails.templating import CompiledPart, Json, RenderFailed

MOST_NAMES = 60
_A_MOMENT = "2030-01-31T12:00:00+00:00"


def sample_variables(parts: Sequence[CompiledPart]) -> dict[str, Any]:
    """Return variables with which the parts render, as far as trying can find them.

    A name that a template loops over becomes a list of one, and one that it prints as a date a
    date; all others are texts that say the name.
    """
    sample: dict[str, Any] = {}
    with suppress(RenderFailed):  # the page shows what is wrong; staff type what fits
        for _ in range(MOST_NAMES):
            name = next(_missing(parts, sample), None)
            if name is None or not _fill(parts, sample, name):
                break
    return sample


def _missing(parts: Sequence[CompiledPart], sample: Mapping[str, Json]) -> Iterator[str]:
    for part in parts:
        yield from sorted(part.missing(sample))


def _fill(parts: Sequence[CompiledPart], sample: dict[str, Any], name: str) -> bool:
    """Put the first value in place with which all parts render; return whether it has a place."""
    *path, key = name.split(".")
    holder = _holder(sample, path)
    if holder is None:
        return False
    candidates: list[Json] = [[{}], [key], key, _A_MOMENT, 1, key]
    for value in candidates:
        holder[key] = value
        if all(_renders(part, sample) for part in parts):
            break
    return True


def _holder(sample: dict[str, Any], path: Sequence[str]) -> dict[str, Any] | None:
    """Return the object that the path leads to, made on the way; None where it is a list."""
    holder: Any = sample
    for step in path:
        if isinstance(holder, list):
            holder = holder[0] if step == "0" else None
        elif isinstance(holder, dict):
            child = holder.get(step)
            found = child if isinstance(child, dict | list) else {}
            holder[step] = found
            holder = found
    return holder if isinstance(holder, dict) else None


def _renders(part: CompiledPart, sample: Mapping[str, Json]) -> bool:
    try:
        part.render(sample)
    except RenderFailed:
        return False
    return True
