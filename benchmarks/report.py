"""Figures side by side: a table for people, JSON for programs, Markdown to be kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import Result, Sample

TIMES = "\N{MULTIPLICATION SIGN}"
HEADINGS = ("what", "ours", "beside", "", "ratio", "to reach", "reached?", "by CPU")
KINDS = ("worker", "web", "peer", "postgres", "redis", "sink")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of ours beside another, with what was to be reached.

    `at_least` and `at_most` are about the ratio ours ÷ theirs, `within` about our figure alone.
    A row with none of them is for information.
    """

    what: str
    unit: str
    ours: Result
    beside: str = ""
    theirs: Result | None = None
    at_least: float | None = None
    aim: float | None = None
    at_most: float | None = None
    within: float | None = None
    also: bool = True  # whether what else must hold, did

    @property
    def ratio(self) -> float | None:
        """Ours ÷ theirs, where there is something to divide by."""
        if self.theirs is None or not self.theirs.value:
            return None
        return self.ours.value / self.theirs.value

    @property
    def ratio_by_cpu(self) -> float | None:
        """Their processor time ÷ ours: what the ratio would be, if nothing but it counted."""
        if self.theirs is None or not self.ours.cpu_in_all or not self.theirs.cpu_in_all:
            return None
        return self.theirs.cpu_in_all / self.ours.cpu_in_all

    @property
    def reached(self) -> bool | None:
        """Whether what was to be reached is; None where nothing was."""
        held = []
        if self.at_least is not None:
            held.append(self.ratio is not None and self.ratio >= self.at_least)
        if self.at_most is not None:
            held.append(self.ratio is not None and self.ratio <= self.at_most)
        if self.within is not None:
            held.append(self.ours.value <= self.within)
        return all(held) and self.also if held else None

    @property
    def to_reach(self) -> str:
        """The bar, for people."""
        bars = []
        if self.at_least is not None:
            aim = f" (aim {self.aim:g} {TIMES})" if self.aim else ""
            bars.append(f"≥ {self.at_least:g} {TIMES}{aim}")
        if self.at_most is not None:
            bars.append(f"≤ {self.at_most:g} {TIMES}")
        if self.within is not None:
            bars.append(f"≤ {self.within:g} {self.unit}")
        return ", ".join(bars)


def one(value: float) -> Result:
    """Return a figure that was taken once."""
    return Result((Sample(value),))


def as_cells(row: Row) -> tuple[str, ...]:
    """Return a row of the table."""
    return (
        row.what,
        f"{_number(row.ours.value)} {row.unit}",
        row.beside,
        _number(row.theirs.value) if row.theirs else "",
        _ratio(row.ratio),
        row.to_reach,
        {True: "yes", False: "NO", None: ""}[row.reached],
        _ratio(row.ratio_by_cpu),
    )


def as_table(rows: Sequence[Row]) -> str:
    """Return the table as a person reads it in a terminal."""
    cells = [HEADINGS, *map(as_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Return two tables: the figures, and the processor time of each."""
    return _table(HEADINGS, map(as_cells, rows)) + "\n" + _spent(rows)


def _spent(rows: Sequence[Row]) -> str:
    lines = [
        (name, *(f"{result.cpu[kind]:,.0f}" if kind in result.cpu else "" for kind in KINDS))
        for name, result in _contenders(rows).items()
        if result.cpu
    ]
    return _table(("µs of processor time each", *KINDS), lines) if lines else ""


def _contenders(rows: Sequence[Row]) -> dict[str, Result]:
    """Return who took part: a peer that stands beside several figures of ours once."""
    found: dict[str, Result] = {}
    for row in rows:
        found[row.what] = row.ours
        if row.theirs and row.theirs not in found.values():
            found[f"{row.beside} ({row.what})" if row.beside in found else row.beside] = row.theirs
    return found


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    both = [headings, ["---"] * len(headings), *lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in both)


def as_json(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """Return everything that was measured, each round of it."""
    return json.dumps({**about, "rows": [_content(row) for row in rows]}, indent=2)


def _content(row: Row) -> dict[str, Any]:
    return {
        "what": row.what,
        "unit": row.unit,
        "ours": _rounds(row.ours),
        "beside": row.beside,
        "theirs": _rounds(row.theirs) if row.theirs else None,
        "ratio": row.ratio,
        "ratio_by_cpu": row.ratio_by_cpu,
        "to_reach": row.to_reach,
        "reached": row.reached,
    }


def _rounds(result: Result) -> dict[str, Any]:
    return {
        "median": result.value,
        "rounds": [sample.value for sample in result.samples],
        "cpu_us_per_mail": result.cpu,
    }


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
