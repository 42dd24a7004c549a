"""Serializers that refuse what they do not know."""

import difflib
from itertools import islice
from typing import Any

from rest_framework import serializers

from accounts.parsers import MAX_FAULTS, SHOWN


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields by name, together with all other faults.

    A misspelt `shceduled_at` must not send at once.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values; ValidationError names every wrong field at once."""
        unknown = self._unknown(data) if isinstance(data, dict) else {}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail = error.detail
            raise serializers.ValidationError(
                {**detail, **unknown} if isinstance(detail, dict) else detail
            ) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return values

    def _unknown(self, data: dict[str, Any]) -> dict[str, list[str]]:
        known = [name for name, field in self.fields.items() if not field.read_only]
        unknown = islice((name for name in data if name not in known), MAX_FAULTS)
        return {name[:SHOWN]: [_say(name[:SHOWN], known)] for name in unknown}


def _say(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean `{close[0]}`?" if close else f" Known: {', '.join(known)}."
    return f"There is no such field.{hint}"
