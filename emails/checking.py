"""What stops a submission that is well formed: its size, and a template that does not fit it."""

from django.conf import settings

from accounts.errors import ApiError, InvalidRequest
from emails.measuring import Measured, measure
from emails.models import Email
from emails.rendering import MissingVariables, Rendered, RenderFailed, render_without_text
from emails.rows import envelope
from emails.submission import Submission


def check_people(submission: Submission) -> None:
    """Raise the ApiError that names the limit where there are too many."""
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


def check_size(submission: Submission, email: Email, content: Rendered) -> None:
    """Raise the ApiError that says what was measured where the message is too large."""
    limit = settings.MAX_MESSAGE_BYTES
    measured = measure(email, content, submission.attachments, limit)
    if measured is None or measured.total <= limit:
        return
    raise ApiError(
        413,
        "too_large",
        f"The message would have {measured.total} bytes ({measured}), more than the {limit} that "
        "MAX_MESSAGE_BYTES allows. Link to large files instead of attaching them.",
        {_largest(submission, measured): ["Too large."]},
    )


def _largest(submission: Submission, measured: Measured) -> str:
    """Return the field of the request that the most comes from."""
    of_template = submission.template_version is not None
    html = "html_body" if submission.html_body or not of_template else "template_id"
    text = "text_body" if submission.text_body else html
    sizes = {
        "headers" if submission.headers else "subject": measured.fields,
        html: measured.html,
        "attachments": measured.files,
    }
    sizes[text] = sizes.get(text, 0) + measured.text
    return max(sizes, key=lambda name: sizes[name])


def rendered(email: Email) -> Rendered:
    """Render as delivery will, but for what `render_without_text` spares.

    Raises the ApiError that names all that the template lacks, or says why it fails.
    """
    try:
        return render_without_text(email)
    except MissingVariables as missing:
        raise InvalidRequest(
            {_given_as(name): ["The template needs this."] for name in missing.names},
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


def _given_as(name: str) -> str:
    """Return the field of the request that a name of a template is given in."""
    return "html_body" if name == "body" else f"variables.{name}"
