"""Inserts one mail with its recipients and their first events in one statement (PostgreSQL).

The same statement looks whether an address is on the project's list of suppressed ones.

A statement is its own transaction where none is open. So what else takes five round trips, from
BEGIN to COMMIT, takes one, and that is most of what it costs to accept a mail.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from django.db import connection, models

from emails.insertion import CONVERSIONS
from emails.models import Email, EmailEvent, Recipient
from emails.suppressing import listed_form

Column = tuple[str, str, Callable[[Any], Any] | None]  # name in SQL, attribute, conversion
MOST_RECIPIENTS: Final = 10  # for more, COPY is cheaper


def insert_mail(email: Email, recipients: Sequence[Recipient], event: EmailEvent) -> bool:
    """Insert rows that are all new, with a copy of `event` for each recipient; sets the email's id.

    False, and nothing is inserted, where one of the addresses is suppressed. Raises what
    `bulk_create` raises.
    """
    statement = _statement(len(recipients), email.scheduled_at is None)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*_values(email, recipients, event)])
        row = cursor.fetchone()
    if row is None:
        return False
    email.pk = row[0]
    email._state.adding, email._state.db = False, connection.alias
    return True


def _values(email: Email, recipients: Sequence[Recipient], event: EmailEvent) -> Iterator[Any]:
    yield from _row(email, _columns(Email, "id"))
    yield email.project_id
    yield from (listed_form(recipient.address) for recipient in recipients)
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
def _statement(recipients: int, due: bool) -> str:
    email = _columns(Email, "id")
    recipient = _columns(Recipient, "id", "email_id")
    event = _columns(EmailEvent, "id", "email_id", "recipient_id")
    places = _places(recipient) if recipients == 1 else _typed(Recipient, recipient)
    if due:  # by the clock by which it is claimed: ours may be ahead
        index = [attribute for _, attribute, _ in recipient].index("next_attempt_at")
        places[index] = f"LEAST({places[index]}, statement_timestamp())"
    each = f"SELECT email.id, {', '.join(places)} FROM email"
    return f"""
        WITH email AS (
            INSERT INTO emails ({_names(email)})
            SELECT {", ".join(_places(email))} WHERE NOT EXISTS (
                SELECT FROM suppressions
                WHERE project_id = %s AND address IN ({", ".join(["%s"] * recipients)})
            ) RETURNING id
        ), recipient AS (
            INSERT INTO recipients (email_id, {_names(recipient)})
            {" UNION ALL ".join([each] * recipients)}
            RETURNING id, email_id
        )
        INSERT INTO email_events (email_id, recipient_id, {_names(event)})
        SELECT email_id, id, {", ".join(_typed(EmailEvent, event))} FROM recipient ORDER BY id
        RETURNING email_id
        """


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(name for name, _, _ in columns)


def _places(columns: Sequence[Column]) -> list[str]:
    return ["%s"] * len(columns)


def _typed(model: type[models.Model], columns: Sequence[Column]) -> list[str]:
    """Return a place for each value; only the target of an INSERT knows their types by itself."""
    types = [model._meta.get_field(attribute).db_type(connection) for _, attribute, _ in columns]
    # varchar without its length: a cast to one with it would cut what is too long.
    return [f"%s::{str(kind).partition('(')[0]}" for kind in types]
