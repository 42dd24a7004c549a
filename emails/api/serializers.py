"""What the API takes, validated into a Submission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from emails.addresses import Address
from emails.api.fields import (
    AddressField,
    AttachmentRequest,
    BoundedList,
    HeadersField,
    MomentField,
    NameField,
    ObjectField,
    TextField,
    address_list,
)
from emails.models import Priority, TemplateVersion
from emails.submission import AttachedFile, Submission

if TYPE_CHECKING:
    from emails.api.named import Named

MAX_LIFE_SECONDS = 30 * 86_400
MAX_ATTACHMENTS = 100
MAX_ID = 2**63 - 1


class EmailRequest(StrictSerializer):
    """The body of `POST /api/emails`. The context holds what it may name: `named`."""

    to_email = AddressField()
    to_name = NameField(allow_blank=True, max_length=255)
    from_email = AddressField()
    subject = NameField(required=False, allow_null=True)
    html_body = TextField(required=False, allow_null=True)
    text_body = TextField(required=False, allow_null=True, allow_blank=True)
    template_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_ID
    )
    scheduled_at = MomentField(required=False, allow_null=True)

    from_name = NameField(required=False, allow_blank=True, default="", max_length=255)
    reply_to = address_list(most=20)
    cc = address_list()
    bcc = address_list()
    variables = ObjectField(required=False, default=dict)
    attachments = BoundedList(
        child=AttachmentRequest(), required=False, default=list, most=MAX_ATTACHMENTS
    )
    headers = HeadersField(required=False, default=dict)
    tags = BoundedList(child=NameField(max_length=100), required=False, default=list, most=50)
    metadata = ObjectField(required=False, default=dict)
    track_opens = serializers.BooleanField(required=False, default=True)
    track_clicks = serializers.BooleanField(required=False, default=True)
    expires_in = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIFE_SECONDS
    )

    @property
    def named(self) -> Named:
        """The templates and uploads that may be named."""
        return self.context["named"]  # type: ignore[no-any-return]

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the validated values; what is missing is named beside what is wrong."""
        missing = _missing(data)
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            wrong: Any = error.detail
            raise serializers.ValidationError(wrong | missing) from None
        if missing:
            raise serializers.ValidationError(missing)
        return values

    def validate_template_id(self, value: int | None) -> TemplateVersion | None:
        """Return the version that the email keeps."""
        if value is None:
            return None
        version = self.named.version(value)
        if version is None:
            raise serializers.ValidationError(f"There is no template {value} in this project.")
        return version

    def validate_attachments(self, value: list[dict[str, Any]]) -> tuple[AttachedFile, ...]:
        """Find the uploads that are named; name every one that is not there."""
        found = []
        wrong: dict[str, Any] = {}
        for index, item in enumerate(value):
            try:
                found.append(self._attached(item))
            except serializers.ValidationError as error:
                wrong[str(index)] = error.detail
        if wrong:
            raise serializers.ValidationError(wrong)
        return tuple(found)

    def _attached(self, item: dict[str, Any]) -> AttachedFile:
        kind, cid = item.get("content_type", ""), item.get("content_id", "")
        if "content" in item:
            return AttachedFile(item["filename"], kind, cid, content=item["content"])
        field = "url" if "url" in item else "filename"
        upload = self.named.upload(item[field])
        if upload is None:
            raise serializers.ValidationError(
                {field: ["There is no such upload in this project. Send it to /api/upload first."]}
            )
        name = item.get("filename") if field == "url" else None
        return AttachedFile(name or upload.filename, kind, cid, upload=upload)

    def submission(self, data: dict[str, Any], priority: Priority) -> Submission:
        """Return what `run_validation` returned as the value that `accept` takes."""
        return Submission(
            project=self.named.project,
            sender=Address(data["from_email"].email, data["from_name"]),
            to=(Address(data["to_email"].email, data["to_name"]),),
            cc=tuple(data["cc"]),
            bcc=tuple(data["bcc"]),
            reply_to=tuple(data["reply_to"]),
            subject=data.get("subject"),
            html_body=data.get("html_body"),
            text_body=data.get("text_body"),
            template_version=data.get("template_id"),
            variables=data["variables"],
            headers=data["headers"],
            tags=tuple(data["tags"]),
            metadata=data["metadata"],
            attachments=data["attachments"] or (),
            track_opens=data["track_opens"],
            track_clicks=data["track_clicks"],
            scheduled_at=data.get("scheduled_at"),
            expires_in=data.get("expires_in"),
            priority=priority,
        )


class CancelRequest(StrictSerializer):
    """The body of `POST /api/emails/cancel`."""

    email_id = TextField(max_length=64)


def _missing(data: Any) -> dict[str, Any]:
    """Return what there is nothing to send without."""
    if not isinstance(data, dict) or data.get("template_id") is not None:
        return {}
    return {
        name: ["This is required without a `template_id`."]
        for name in ("subject", "html_body")
        if data.get(name) is None
    }
