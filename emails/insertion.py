"""Inserts new rows in few round trips: many by COPY on PostgreSQL, a mail in one statement."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import connection, models

LEAST_COPIED: Final = 10  # for fewer, an INSERT is one round trip where COPY takes two
_encode = json.JSONEncoder().encode


def as_json(value: Any) -> str:
    """Return the document for a JSON column; most are empty, and need no encoder."""
    if value or not isinstance(value, list | dict):
        return _encode(value)
    return "[]" if isinstance(value, list) else "{}"


CONVERSIONS: Final[dict[type, Callable[[Any], Any]]] = {
    models.JSONField: as_json,
    models.CharField: str,  # members of TextChoices too
    models.TextField: str,
    models.SmallIntegerField: int,  # and of IntegerChoices
}


def insert(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model, all new, in the transaction that is open; sets their ids.

    Related rows must be saved already. Raises what `bulk_create` raises.
    """
    if connection.vendor == "postgresql" and len(rows) >= LEAST_COPIED:
        _number(rows)
        _copy(rows)
    elif rows:
        type(rows[0])._default_manager.bulk_create(rows)


def _number(rows: Sequence[models.Model]) -> None:
    sql = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [rows[0]._meta.db_table, len(rows)])
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
            row._state.adding, row._state.db = False, connection.alias


def _copy(rows: Sequence[models.Model]) -> None:
    meta = rows[0]._meta
    columns = [(field.attname, CONVERSIONS.get(type(field))) for field in meta.concrete_fields]
    names = ", ".join(f'"{field.column}"' for field in meta.concrete_fields)
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {meta.db_table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([_value(getattr(row, name), convert) for name, convert in columns])


def _value(value: Any, convert: Callable[[Any], Any] | None) -> Any:
    return value if value is None or convert is None else convert(value)
