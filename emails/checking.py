"""What stops a submission that is well formed: its size, and a template that does not fit it."""

from django.conf import settings

from accounts.errors import ApiError, InvalidRequest
from emails.models import Email
from emails.rendering import MissingVariables, RenderFailed, render_without_text
from emails.rows import envelope
from emails.submission import Submission

NOT_ASCII = bytes(range(128, 256))


def check_limits(submission: Submission) -> None:
    """Raise the ApiError that names the limit which is passed."""
    people = {*envelope(submission)}
    if len(people) > settings.MAX_RECIPIENTS:
        raise InvalidRequest(
            {
                "to_email": [
                    f"An email has at most {settings.MAX_RECIPIENTS} recipients (MAX_RECIPIENTS), "
                    f"To, Cc and Bcc together; this has {len(people)}. Send several emails."
                ]
            }
        )
    size = _size(submission)
    if size > settings.MAX_MESSAGE_BYTES:
        raise ApiError(
            413,
            "too_large",
            f"The message would have {size} bytes, more than the {settings.MAX_MESSAGE_BYTES} "
            "that MAX_MESSAGE_BYTES allows. Link to large files instead of attaching them.",
            {"attachments" if submission.attachments else "html_body": ["Too large."]},
        )


def _size(submission: Submission) -> int:
    """Estimate the message on the wire, without what a template adds."""
    if body := next((file for file in submission.attachments if file.is_body), None):
        return body.size
    bodies = (submission.html_body or "", submission.text_body or "")
    attached = sum(file.size for file in submission.attachments)
    return sum(map(_encoded, bodies)) + _as_base64(attached)


def _encoded(body: str) -> int:
    """Return the bytes of a body as quoted-printable or base64, whichever is shorter."""
    content = body.encode()
    escaped = len(content) - len(content.translate(None, NOT_ASCII))
    return min(len(content) + 2 * escaped, _as_base64(len(content)))


def _as_base64(size: int) -> int:
    """Four bytes of three, in lines of 76 with a line end of two."""
    return size * 4 // 3 * 78 // 76


def rendered_subject(email: Email) -> str:
    """Render as delivery will and return the subject.

    Raises the ApiError that names all that the template lacks, or says why it fails.
    """
    try:
        return render_without_text(email).subject
    except MissingVariables as missing:
        raise InvalidRequest(
            {f"variables.{name}": ["The template needs this."] for name in missing.names},
            422,
            "missing_variables",
        ) from None
    except RenderFailed as failure:
        raise ApiError(
            422,
            "template_failed",
            f"The template can't be rendered with these variables: {failure}. Nothing was sent.",
            {"variables": [str(failure)]},
        ) from None
