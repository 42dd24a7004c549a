"""MAX_MESSAGE_BYTES counts what is sent; and what was accepted is sent."""

import base64
import email
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import make_client, make_project
from delivery.claim import claim
from delivery.pipeline import compose
from delivery.tests.conftest import running
from delivery.tests.waiting import everything_is_final, wait_until
from emails.models import Recipient, Status
from emails.tests.factories import in_the_past, make_template, request_body

pytestmark = pytest.mark.django_db

SUBJECT = "Your order"
STYLE = "<style>p { color: #123456; font-family: 'Open Sans', serif } li { margin: 0 }</style>"
HTML = {
    "plain": "<p>Hello</p>" * 50,
    "links": '<p>See <a href="https://shop.example/orders/1?a=b&amp;c=d">it</a>.</p>\n' * 50,
    "styles": STYLE + "<p>Hello</p><ul><li>One</li></ul>" * 50,
    "quotes": "<blockquote><ol><li>One<br>two</ol></blockquote>" * 50,
    "cyrillic": "<p>Добрый день</p>" * 50,
    "some accents": "<p>Voilà, c'est prêt : le colis est déjà parti</p>\n" * 50,
    "one line": "<p>" + "word = word " * 500,
    "line ends": "<p>a</p>\r\n<p>b</p> \n.\nFrom here\n" * 30,
}
FILES = [
    {"filename": f"{size}.bin", "content": base64.b64encode(b"\0" * size).decode()}
    for size in (1, 57, 1000)
]


def post(**values):
    body = request_body(subject=SUBJECT, track_opens=False, track_clicks=False, **values)
    return make_client().post("/api/emails", body, format="json")


def sent():
    [delivery] = claim(1, 60)
    return compose(delivery).content


def size_of_parts(message):
    parts = [part for part in email.message_from_bytes(message).walk() if not part.is_multipart()]
    return sum(len(part.get_payload()) for part in parts)


@pytest.mark.parametrize("html", HTML.values(), ids=HTML)
@pytest.mark.parametrize("attachments", [[], FILES], ids=["alone", "with files"])
def test_limit_is_met_to_the_byte(html, attachments, settings):
    values = {"html_body": html, "attachments": attachments}
    assert post(**values).status_code == 202
    size = size_of_parts(sent()) + len(SUBJECT)
    settings.MAX_MESSAGE_BYTES = size
    assert post(**values).status_code == 202
    settings.MAX_MESSAGE_BYTES = size - 1
    answer = post(**values)
    assert answer.status_code == 413
    assert f"have {size} bytes" in answer.json()["error"]["message"]


@pytest.mark.django_db(transaction=True)
def test_scheduled_mail_of_a_template_goes_as_large_as_it_was_accepted(settings, capture, outbox):
    """Its version is kept: neither a longer one nor a lower limit ever reaches it."""
    settings.MAX_MESSAGE_BYTES = 2000
    project = make_project()
    template = make_template(project, "Hello", "<p>{{ word }} as accepted</p>")
    body = request_body(
        template_id=template.pk,
        subject=...,
        html_body=...,
        variables={"word": "x" * 500},
        scheduled_at=(timezone.now() + timedelta(hours=1)).isoformat(),
    )
    client = make_client(project)
    assert client.post("/api/emails", body, format="json").json()["status"] == "scheduled"
    template.add_version("Hello", "{{ word }}" * 10)
    assert client.post("/api/emails", body, format="json").status_code == 413
    settings.MAX_MESSAGE_BYTES = 100
    Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
    with running(capture):
        wait_until(everything_is_final)
    assert Recipient.objects.get().status == Status.DELIVERED
    [written] = outbox.glob("*.eml")
    assert b"as accepted" in written.read_bytes()
