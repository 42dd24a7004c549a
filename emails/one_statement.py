"""Inserts one mail with its recipients and their first events in one statement (PostgreSQL).

A statement is its own transaction where none is open. So what else takes five round trips, from
BEGIN to COMMIT, takes one, and that is most of what it costs to accept a mail.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from django.db import connection, models

from emails.insertion import CONVERSIONS
from emails.models import Email, EmailEvent, Recipient

Column = tuple[str, str, Callable[[Any], Any] | None]  # name in SQL, attribute, conversion
MOST_RECIPIENTS: Final = 10  # for more, COPY is cheaper


def insert_mail(email: Email, recipients: Sequence[Recipient], event: EmailEvent) -> None:
    """Insert rows that are all new, with a copy of `event` for each recipient; sets the email's id.

    Raises what `bulk_create` raises.
    """
    with connection.cursor() as cursor:
        cursor.execute(_statement(len(recipients)), [*_values(email, recipients, event)])
        email.pk = cursor.fetchone()[0]
    email._state.adding, email._state.db = False, connection.alias


def _values(email: Email, recipients: Sequence[Recipient], event: EmailEvent) -> Iterator[Any]:
    yield from _row(email, _columns(Email, "id"))
    for recipient in recipients:
        yield from _row(recipient, _columns(Recipient, "id", "email_id"))
    yield from _row(event, _columns(EmailEvent, "id", "email_id", "recipient_id"))


def _row(row: models.Model, columns: Sequence[Column]) -> Iterator[Any]:
    for _, attribute, convert in columns:
        value = getattr(row, attribute)
        yield value if value is None or convert is None else convert(value)


@lru_cache
def _columns(model: type[models.Model], *without: str) -> tuple[Column, ...]:
    return tuple(
        (f'"{field.column}"', field.attname, CONVERSIONS.get(type(field)))
        for field in model._meta.concrete_fields
        if field.attname not in without
    )


@lru_cache
def _statement(recipients: int) -> str:
    email = _columns(Email, "id")
    recipient = _columns(Recipient, "id", "email_id")
    event = _columns(EmailEvent, "id", "email_id", "recipient_id")
    each = f"((SELECT id FROM email), {_places(recipient)})"
    types = [EmailEvent._meta.get_field(name).db_type(connection) for _, name, _ in event]
    typed = ", ".join(f"%s::{kind}" for kind in types)
    return f"""
        WITH email AS (
            INSERT INTO emails ({_names(email)}) VALUES ({_places(email)}) RETURNING id
        ), recipient AS (
            INSERT INTO recipients (email_id, {_names(recipient)})
            VALUES {", ".join([each] * recipients)} RETURNING id, email_id
        )
        INSERT INTO email_events (email_id, recipient_id, {_names(event)})
        SELECT email_id, id, {typed} FROM recipient ORDER BY id RETURNING email_id
        """


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(name for name, _, _ in columns)


def _places(columns: Sequence[Column]) -> str:
    return ", ".join(["%s"] * len(columns))
