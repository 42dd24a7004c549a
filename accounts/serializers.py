"""Serializers that refuse what they do not know."""

import difflib
from functools import cache
from itertools import islice
from typing import Any

from django.core.validators import ProhibitNullCharactersValidator
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.utils.serializer_helpers import BindingDict
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from accounts.parsers import MAX_FAULTS, SHOWN

CHECKED_BY_PARSER = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields by name, together with all other faults.

    A misspelt `shceduled_at` must not send at once. All instances of a class share its fields,
    which costs a tenth of a copy for each; so a field knows neither request nor context, while
    the `validate_…` methods do.
    """

    @property
    def fields(self) -> dict[str, Any]:  # type: ignore[override]  # a BindingDict is slow to read
        """The fields by name."""
        return _fields_of(type(self))

    def _own_fields(self) -> BindingDict:
        return super().fields

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the validated values; ValidationError names every wrong field at once.

        A field that is left out gets its default as it is, or is left out here too.
        """
        if not isinstance(data, dict):
            message = self.error_messages["invalid"].format(datatype=type(data).__name__)
            raise serializers.ValidationError({"non_field_errors": [message]})
        values: dict[str, Any] = {}
        faults: dict[str, Any] = {}
        for name, field in self.fields.items():
            if name in data or field.required:
                try:
                    values[name] = self._validated(name, field, data.get(name, empty))
                except serializers.ValidationError as error:
                    faults[name] = error.detail
            elif field.default is not empty:
                default = field.default
                values[name] = default() if callable(default) else default
        if faults := faults | self._unknown(data):
            raise serializers.ValidationError(faults)
        return values

    def run_validators(self, value: Any) -> None:
        """Run the validators of the whole, if there are any; no field here is read-only."""
        if self.validators:
            super().run_validators(value)

    def _validated(self, name: str, field: Any, given: Any) -> Any:
        value = field.run_validation(given)
        check = getattr(self, f"validate_{name}", None)
        return check(value) if check else value

    def _unknown(self, data: dict[str, Any]) -> dict[str, list[str]]:
        if data.keys() <= self.fields.keys():
            return {}
        known = [name for name, field in self.fields.items() if not field.read_only]
        unknown = islice((name for name in data if name not in known), MAX_FAULTS)
        return {name[:SHOWN]: [_say(name[:SHOWN], known)] for name in unknown}


@cache
def _fields_of(serializer: type[StrictSerializer]) -> dict[str, Any]:
    fields = dict(serializer()._own_fields())
    for field in fields.values():
        # Looking at each character of a body again, in Python, would cost more than all the rest.
        field.validators = [
            validator
            for validator in field.validators
            if not isinstance(validator, CHECKED_BY_PARSER)
        ]
    return fields


def _say(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean `{close[0]}`?" if close else f" Known: {', '.join(known)}."
    return f"There is no such field.{hint}"
