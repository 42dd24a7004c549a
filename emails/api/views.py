"""Routes about emails: send one or many, cancel, look."""

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.errors import ApiError, InvalidRequest
from accounts.idempotency import once
from accounts.parsers import LimitedJSONParser
from accounts.views import ApiView
from emails import events
from emails.api import answers, intake
from emails.api.serializers import CancelRequest
from emails.models import Email, Status


class SendEmail(ApiView):
    """`POST /api/emails`."""

    def post(self, request: Request) -> Response:
        """Accept an email, to be sent now or at its time."""
        return once(request, lambda: intake.single(caller(request).project, request.data))


class BatchParser(LimitedJSONParser):
    """JSON of the size that a batch may have."""

    limit_setting = limited_by = "MAX_BATCH_BYTES"


class SendBatch(ApiView):
    """`POST /api/emails/batch`."""

    parser_classes = [BatchParser]

    def post(self, request: Request) -> Response:
        """Accept a list of emails, each by itself; with `?atomic=true` all of them or none.

        202 even where some are refused: what was accepted is committed, and each item says for
        itself what became of it. 207 (RFC 4918) would say no more, and only to clients that know
        it.
        """
        atomic = _atomic(request)
        return once(request, lambda: intake.batch(caller(request).project, request.data, atomic))


def _atomic(request: Request) -> bool:
    """Read `?atomic=`; anything else is refused, so that a misspelt one does not send a part."""
    said = {"true": True, "false": False}
    parameters = request.query_params
    wrong = {name: ["There is no such parameter."] for name in parameters if name != "atomic"}
    if parameters.get("atomic", "false") not in said:
        wrong["atomic"] = ["Give true or false."]
    if wrong:
        raise InvalidRequest(wrong)
    return said[parameters.get("atomic", "false")]


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
    if state == Status.SUPPRESSED and not too_late.ambiguous:
        why = "It is sent to nobody: all of its recipients are on the suppression list"
        return ApiError(409, "too_late", f"{why}.", state=state)
    if too_late.ambiguous:
        why = "An attempt whose end nobody saw may have delivered it already"
    else:
        why = f"It is {Status(state).label.lower()}, for at least one of its recipients"
    return ApiError(409, "too_late", f"{why}: it can't be taken back any more.", state=state)
