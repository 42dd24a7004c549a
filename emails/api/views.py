"""Routes about emails: send, cancel, look."""

from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.errors import ApiError
from accounts.views import ApiView
from emails import events
from emails.accept import accept
from emails.api import answers
from emails.api.serializers import CancelRequest, EmailRequest
from emails.models import Email, Status


class SendEmail(ApiView):
    """`POST /api/emails`."""

    def post(self, request: Request) -> Response:
        """Accept an email, to be sent now or at its time."""
        serializer = EmailRequest(data=request.data, context={"project": caller(request).project})
        serializer.is_valid(raise_exception=True)
        email = accept(serializer.submission())
        return Response(answers.accepted(email), status.HTTP_202_ACCEPTED)


class ShowEmail(ApiView):
    """`GET /api/emails/{message_id}`."""

    def get(self, request: Request, message_id: str) -> Response:
        """Tell what became of an email."""
        found = Email.objects.select_related("template_version").prefetch_related(
            "recipients", "events", "attachments__upload"
        )
        email = get_object_or_404(found, project=caller(request).project, public_id=message_id)
        return Response(answers.email_detail(email))


class CancelEmail(ApiView):
    """`POST /api/emails/cancel`."""

    def post(self, request: Request) -> Response:
        """Take an email back, for all of its recipients or for none."""
        serializer = CancelRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        email = get_object_or_404(
            Email, project=caller(request).project, public_id=serializer.validated_data["email_id"]
        )
        try:
            events.cancel(email)
        except events.TooLate as too_late:
            raise _refusal(too_late) from None
        return Response({"success": True, "message": "Scheduled email cancelled"})


def _refusal(too_late: events.TooLate) -> ApiError:
    state = too_late.status
    if state == Status.CANCELLED:
        return ApiError(409, "already_cancelled", "It was cancelled already.", state=state)
    if too_late.ambiguous:
        why = "An attempt whose end nobody saw may have delivered it already"
    else:
        why = f"It is {Status(state).label.lower()}, for at least one of its recipients"
    return ApiError(409, "too_late", f"{why}: it can't be taken back any more.", state=state)
