"""The suppression list as CSV: out, safe to open in a spreadsheet, and in again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Final

from emails.addresses import checked_address
from emails.models import Suppression
from emails.suppressing import Entry, listed_form

COLUMNS: Final = ("address", "reason", "note", "project", "since")
MOST_LINES: Final = 100_000
MOST_BYTES: Final = 20 * 1024 * 1024
LONGEST_NOTE: Final = 500
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet may execute
ADDRESS_NAMES: Final = ("address", "email", "e-mail", "email address")


class Unreadable(ValueError):
    """The file as a whole can't be read; its text says what to change."""


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that was left out, and why."""

    number: int
    problem: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says."""

    entries: list[Entry] = field(default_factory=list)
    wrong: list[WrongLine] = field(default_factory=list)


def written(rows: Iterable[Suppression]) -> Iterator[str]:
    """Yield the lines of a CSV file."""
    yield _line(COLUMNS)
    for row in rows:
        since = row.created_at.isoformat(timespec="seconds")
        yield _line([row.address, row.reason, row.note, row.project.slug, since])


def _line(cells: Sequence[str]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerow([_harmless(cell) for cell in cells])
    return buffer.getvalue()


def _harmless(cell: str) -> str:
    """Put an apostrophe before what would be a formula; `_as_written` takes it away."""
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA_STARTS) else cell


def _as_written(cell: str) -> str:
    guarded = cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS)
    return cell[1:] if guarded else cell


def read(content: bytes) -> Reading:
    """Read a file: `address`, and where they are there `reason` and `note`.

    A first line that names the columns may put them in another order; others are ignored. Lines
    that are wrong are told, with their number in the file. Raises Unreadable.
    """
    reading = Reading()
    columns = {"address": 0, "reason": 1, "note": 2}
    for index, (number, cells) in enumerate(_lines(content)):
        if index == 0 and (named := _named_columns(cells)):
            columns = named
        elif any(cells):
            _read_line(reading, number, cells, columns)
    return reading


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(
            "Save the file as CSV in UTF-8: this one is in another encoding."
        ) from None
    first = text.partition("\n")[0]
    reader = csv.reader(
        StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    begins = 1
    try:
        for index, cells in enumerate(reader):
            if index >= MOST_LINES:
                raise Unreadable(
                    f"The file has more than {MOST_LINES:,} lines. Nothing was imported: split it."
                )
            yield begins, [_as_written(cell).strip(" \t") for cell in cells]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"Line {begins} is not CSV: {error}. Nothing was imported.") from None


def _named_columns(cells: Sequence[str]) -> dict[str, int]:
    """Return where each column is, if this line names them."""
    names = [cell.lower() for cell in cells]
    if not any(name in ADDRESS_NAMES for name in names):
        return {}
    columns = {name: index for index, name in enumerate(names) if name in ("reason", "note")}
    return columns | {"address": next(i for i, name in enumerate(names) if name in ADDRESS_NAMES)}


def _read_line(
    reading: Reading, number: int, cells: Sequence[str], columns: dict[str, int]
) -> None:
    address, reason, note = (
        cells[columns[name]] if columns.get(name, len(cells)) < len(cells) else ""
        for name in ("address", "reason", "note")
    )
    try:
        listed = listed_form(checked_address(address).email)
        said = _reason(reason)
        reading.entries.append(Entry(listed, said, _note(note)))
    except ValueError as error:  # InvalidAddress is one
        reading.wrong.append(WrongLine(number, str(error)))


def _reason(said: str) -> Suppression.Reason:
    known = {
        form.lower(): reason for reason in Suppression.Reason for form in (reason, reason.label)
    }
    try:
        return known[said.lower()] if said else Suppression.Reason.IMPORT
    except KeyError:
        names = ", ".join(Suppression.Reason.values)
        raise ValueError(f"There is no reason {said!a:.50}: use one of {names}, or none.") from None


def _note(said: str) -> str:
    if len(said) > LONGEST_NOTE or "\0" in said:
        raise ValueError(f"Use a note of at most {LONGEST_NOTE} characters.")
    return said
