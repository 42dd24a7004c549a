"""Fields of the API: addresses, moments, header text, attachments."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.utils import timezone
from rest_framework import serializers

from accounts.serializers import StrictSerializer
from emails.addresses import Address, InvalidAddress, parse_address
from emails.headers import (
    UnsafeHeader,
    check_custom_header,
    check_custom_headers,
    check_header_text,
)
from emails.parts import check_content_id, check_content_type
from uploads.filenames import UnsafeFilename, check_filename

YEARS_AHEAD = 10
MAX_HEADERS = 100
MAX_ADDRESSES = 10_000  # what MAX_RECIPIENTS can be set to; `accept` looks at the setting
T = TypeVar("T")


def said(check: Callable[[], T]) -> T:
    """Return what `check` returns; its refusal becomes a message of the field."""
    try:
        return check()
    except (InvalidAddress, UnsafeHeader, UnsafeFilename) as error:
        raise serializers.ValidationError(str(error)) from None


class ValueField(serializers.Field[Any, Any, Any, Any]):
    """A field that is only ever read from a request; answers are made in `answers.py`."""

    def to_representation(self, value: Any) -> Any:
        """Return the value as it is."""
        return value


class AddressField(ValueField):
    """One bare address, such as `ann@example.org`."""

    def to_internal_value(self, data: Any) -> Address:
        """Return an Address without a name."""
        if not isinstance(data, str):
            raise serializers.ValidationError("Give an address, such as ann@example.org.")
        address = said(lambda: parse_address(data))
        if address.name:
            raise serializers.ValidationError(
                "Give the address alone, such as ann@example.org; the name has its own field."
            )
        return address


class TextField(serializers.CharField):
    """Text as it was written: no number is taken for it, and no white space stripped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Return the text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class NameField(TextField):
    """A name or subject: one line that may stand in a header."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text; what is white space alone counts as blank."""
        written = super().to_internal_value(data)
        said(lambda: check_header_text(written))
        if not self.allow_blank and not written.strip():
            self.fail("blank")
        return written


class NamedAddress(StrictSerializer):
    """`{"email": …, "name": …}`."""

    email = AddressField()
    name = NameField(required=False, allow_blank=True, default="", max_length=255)


class AddressOrObject(ValueField):
    """`"ann@example.org"`, `"Ann <ann@example.org>"` or `{"email": …, "name": …}`."""

    def to_internal_value(self, data: Any) -> Address:
        """Return the Address."""
        if isinstance(data, str):
            return said(lambda: parse_address(data))
        if isinstance(data, dict):
            item = NamedAddress(data=data)
            item.is_valid(raise_exception=True)
            return Address(item.validated_data["email"].email, item.validated_data["name"])
        raise serializers.ValidationError('Give an address or {"email": …, "name": …}.')


class BoundedList(serializers.ListField):
    """A list whose length is looked at before its items are: there may be millions of them."""

    def __init__(self, *, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the items."""
        if isinstance(data, list) and len(data) > self.most:
            raise serializers.ValidationError(f"Give at most {self.most} of them.")
        return super().to_internal_value(data)


def address_list(most: int = MAX_ADDRESSES) -> BoundedList:
    """Return a field for a list of addresses."""
    return BoundedList(child=AddressOrObject(), required=False, default=list, most=most)


class MomentField(ValueField):
    """An ISO 8601 moment with an offset, at most ten years ahead."""

    def to_internal_value(self, data: Any) -> datetime:
        """Return an aware datetime."""
        try:
            moment = datetime.fromisoformat(data)
        except (TypeError, ValueError):
            raise serializers.ValidationError(
                "Give an ISO 8601 time, such as 2027-01-31T09:00:00Z."
            ) from None
        if moment.tzinfo is None:
            raise serializers.ValidationError(
                f"The offset from UTC is missing. Write {moment.isoformat()}Z, or "
                f"{moment.isoformat()}+02:00 for a zone two hours ahead."
            )
        now = timezone.now()
        if moment > now + timedelta(days=366 * YEARS_AHEAD):
            raise serializers.ValidationError(f"This is more than {YEARS_AHEAD} years ahead.")
        return max(moment, now).astimezone(UTC)  # the year 1 has no other form in UTC


class ObjectField(serializers.JSONField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object."""
        if not isinstance(data, dict):
            raise serializers.ValidationError('Give a JSON object, such as {"name": "Ann"}.')
        return dict(data)


class HeadersField(ObjectField):
    """Custom headers: names to values, none of which may replace one of ours."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the headers."""
        headers = super().to_internal_value(data)
        if len(headers) > MAX_HEADERS:
            raise serializers.ValidationError(f"Give at most {MAX_HEADERS} headers.")
        wrong = {name: found for name, value in headers.items() if (found := _fault(name, value))}
        if wrong:
            raise serializers.ValidationError(wrong)
        said(lambda: check_custom_headers(headers.items()))
        return headers


def _fault(name: str, value: Any) -> list[str]:
    if not isinstance(value, str):
        return ["Give a string."]
    try:
        check_custom_header(name, value)
    except UnsafeHeader as error:
        return [str(error)]
    return []


class AttachmentRequest(StrictSerializer):
    """`{url | filename}` names an upload; `{filename, content}` brings the file along."""

    url = TextField(required=False, max_length=2000)
    filename = TextField(required=False, max_length=255)
    content = TextField(required=False)
    content_type = TextField(required=False, max_length=127)
    content_id = TextField(required=False, max_length=200)

    def validate_filename(self, value: str) -> str:
        """Refuse names that are not safe in a header or on a disk."""
        said(lambda: check_filename(value))
        return value

    def validate_content_type(self, value: str) -> str:
        """Refuse what is no media type (RFC 6838)."""
        said(lambda: check_content_type(value))
        return value

    def validate_content_id(self, value: str) -> str:
        """Return the id without angle brackets, as `cid:` links write it (RFC 2392)."""
        bare = value.removeprefix("<").removesuffix(">")
        said(lambda: check_content_id(bare))
        return bare

    def validate_content(self, value: str) -> bytes:
        """Return the bytes."""
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise serializers.ValidationError("This is not base64 (RFC 4648).") from None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that the file is named in one way."""
        named = [name for name in ("url", "filename", "content") if name in attrs]
        if named in ([], ["content"], ["url", "content"], ["url", "filename", "content"]):
            raise serializers.ValidationError(
                "Name an upload by `url` or `filename`, or bring a file along with `filename` and "
                "`content` (base64)."
            )
        return attrs
