"""A JSON column that keeps its text: pairs in their order, numbers as they were written."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class JSONAsSentField(models.JSONField):
    """Like JSONField, but of PostgreSQL's type `json`.

    Its `jsonb` sorts the pairs of an object by the length of their names, and writes 1e22 out. A
    `json` is stored and read, not searched: it can't be compared, nor asked what it contains.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return `json` on PostgreSQL, and the type of a JSONField elsewhere."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        """Return the document as text: Django's own way to PostgreSQL is a `jsonb`."""
        return json.dumps(value, cls=self.encoder)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the document, which psycopg has read from a `json` (not from a `jsonb`) itself."""
        if connection.vendor == "postgresql":
            return value
        return super().from_db_value(value, expression, connection)
