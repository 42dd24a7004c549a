"""Inserts new rows in few round trips: many by COPY on PostgreSQL, a mail in one statement."""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from typing import Any, Final, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

from emails.models.json_as_sent import JSONAsSentField

LEAST_COPIED: Final = 10  # for fewer, an INSERT is one round trip where COPY takes two
_encode = json.JSONEncoder().encode
Row = TypeVar("Row", bound=models.Model)


def as_json(value: Any) -> str:
    """Return the document for a JSON column; most are empty, and need no encoder."""
    if value or not isinstance(value, list | dict):
        return _encode(value)
    return "[]" if isinstance(value, list) else "{}"


CONVERSIONS: Final[dict[type, Callable[[Any], Any]]] = {
    models.JSONField: as_json,
    JSONAsSentField: as_json,
    models.CharField: str,  # members of TextChoices too
    models.TextField: str,
    models.SmallIntegerField: int,  # and of IntegerChoices
}


def new_row(model: type[Row], values: Mapping[str, Any]) -> Row:
    """Return a row, not saved yet, from a value for each column but the id, by attribute name.

    It is what the model itself would make of them. But its way over descriptors and signals, which
    these models have no use for, takes eight times as long, and is a tenth of what a mail of a
    batch costs.
    """
    assert values.keys() == _attributes(model), "a value for each column"
    row = model.__new__(model)
    row._state = ModelState()
    vars(row).update(values, id=None)
    return row


@cache
def _attributes(model: type[models.Model]) -> Set[str]:
    key, *others = model._meta.concrete_fields
    assert key.primary_key
    return frozenset(field.attname for field in others)


def insert(rows: Sequence[models.Model], *, sets_ids: bool = True) -> None:
    """Insert rows of one model, all new, in the transaction that is open.

    Sets their ids, or may leave that out where nobody asks for them. Related rows must be saved
    already. Raises what `bulk_create` raises.
    """
    if connection.vendor == "postgresql" and len(rows) >= LEAST_COPIED:
        if sets_ids:
            _number(rows)
        _copy(rows, sets_ids)
    elif rows:
        type(rows[0])._default_manager.bulk_create(rows)


def _number(rows: Sequence[Any]) -> None:
    # In a query of its own the sequence is looked up once, and not for each row.
    sql = "SELECT nextval((SELECT pg_get_serial_sequence(%s, 'id')::regclass))"
    sql += " FROM generate_series(1, %s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [rows[0]._meta.db_table, len(rows)])
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.id = number
            row._state.adding, row._state.db = False, connection.alias


def _copy(rows: Sequence[models.Model], with_ids: bool) -> None:
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if with_ids or not field.primary_key]
    columns = [(field.attname, CONVERSIONS.get(type(field))) for field in fields]
    names = ", ".join(f'"{field.column}"' for field in fields)
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {meta.db_table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([_value(getattr(row, name), convert) for name, convert in columns])


def _value(value: Any, convert: Callable[[Any], Any] | None) -> Any:
    return value if value is None or convert is None else convert(value)
