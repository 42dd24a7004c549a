"""MAX_MESSAGE_BYTES: what is counted is the message as it goes out."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.tests.factories import make_client, make_project
from emails.encoding import encode_text
from emails.measuring import measure
from emails.models import Email
from emails.rendering import render_to_send, render_without_text
from emails.tests.factories import make_template, request_body

pytestmark = pytest.mark.django_db

URL = "/api/emails"
EACH = "{% for word in words %}<p>{{ word }} and so on</p>{% endfor %}"
WORDS = {"words": ["word"] * 100}  # in the template above: 2,500 bytes of HTML, 1,800 of text


@pytest.fixture
def limit(settings):
    settings.MAX_MESSAGE_BYTES = 2000
    return settings.MAX_MESSAGE_BYTES


@pytest.fixture
def project(db):
    return make_project()


def post(project, body, query=""):
    return make_client(project).post(URL + query, body, format="json")


def of_template(project, subject="Hello", html_body=EACH, text_body="", **values):
    template = make_template(project, subject, html_body, text_body)
    return request_body(**({"template_id": template.pk, "subject": ..., "html_body": ...} | values))


def by_html(project):
    return request_body(html_body="x" * 2001)


def by_text_made_of_html(project):
    return request_body(html_body="<p>" + "word " * 220)  # 1,100 bytes of each


def by_written_text(project):
    return request_body(text_body="x" * 2001)


def by_encoding(project):
    return request_body(html_body="я" * 450)  # 900 bytes, as base64 1,200, and the text


def by_styles(project):
    return request_body(
        text_body="short",
        html_body=f"<style>p{{{'color: #123456; margin: 0; ' * 3}}}</style>" + "<p>x</p>" * 60,
    )


def by_attachment(project):
    content = base64.b64encode(bytes(1500)).decode()
    return request_body(attachments=[{"filename": "a.bin", "content": content}])


def by_headers(project):
    return request_body(headers={f"X-Field-{n}": "x" * 200 for n in range(10)})


def by_template(project):
    return of_template(project, text_body="short", variables=WORDS)


def by_text_of_template(project):
    return of_template(project, html_body="<p>short</p>", text_body=EACH, variables=WORDS)


BY = {
    "html_body": (by_html, by_text_made_of_html, by_encoding, by_styles),
    "text_body": (by_written_text,),
    "attachments": (by_attachment,),
    "headers": (by_headers,),
    "template_id": (by_template, by_text_of_template),
}
CASES = [pytest.param(made, field, id=made.__name__) for field in BY for made in BY[field]]


@pytest.mark.parametrize(("made", "field"), CASES)
def test_message_over_the_limit_is_refused_with_what_was_measured(project, limit, made, field):
    answer = post(project, made(project))
    assert answer.status_code == 413
    error = answer.json()["error"]
    assert (error["code"], error["fields"]) == ("too_large", {field: ["Too large."]})
    measured, parts, named = re.match(
        r"The message would have (\d+) bytes \((.*)\), more than the (\d+) that MAX_MESSAGE_BYTES",
        error["message"],
    ).groups()
    assert int(measured) > limit == int(named)
    assert sum(map(int, re.findall(r" (\d+)", parts))) == int(measured)
    assert not Email.objects.exists()


@pytest.mark.parametrize(("made", "field"), CASES)
def test_same_message_is_taken_under_a_larger_limit(project, settings, made, field):
    settings.MAX_MESSAGE_BYTES = 12_000
    assert post(project, made(project)).status_code == 202


def test_body_within_a_layout_counts_as_often_as_it_stands_there(project, limit):
    template = make_template(project, "Hello", "{{ body }}{{ body }}{{ body }}", "short")
    body = request_body(template_id=template.pk, html_body="x" * 700)
    answer = post(project, body)
    assert answer.status_code == 413
    assert answer.json()["error"]["fields"] == {"html_body": ["Too large."]}
    assert post(project, body | {"html_body": "x" * 500}).status_code == 202


def test_mail_of_a_batch_that_is_too_large_is_refused_alone(project, limit):
    bodies = [request_body(), by_template(project), request_body()]
    answer = post(project, bodies, "/batch")
    assert answer.status_code == 202
    first, second, third = answer.json()["data"]
    assert second["error"]["code"] == "too_large"
    assert {first["status"], third["status"]} == {"queued"}
    assert Email.objects.count() == 2


def test_atomic_batch_names_the_mail_that_is_too_large(project, limit):
    answer = post(project, [request_body(), by_template(project)], "/batch?atomic=true")
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"] == {"1.template_id": ["Too large."]}
    assert not Email.objects.exists()


FRAGMENTS = st.sampled_from(
    [
        *(
            "<p>",
            "<br>",
            "<hr>",
            "<ol>",
            "<ul>",
            "<li>",
            "</ol>",
            "<blockquote>",
            "<table>",
            "<tr>",
        ),
        *("<td>", "<th>", "<pre>", "</pre>", "<a href='https://a.example'>", "</a>", "<img alt=x>"),
        *("a", "é", "漢", "👋", " ", "\n", "&nbsp;", "=", ".", "a" * 300),
        *("<style>", "</style>", "p{color:red}", "li,td{margin:0 1px;font-family:'a'}"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=80).map("".join), st.sampled_from(["", "x", "é"]))
def test_what_is_not_measured_is_surely_below_the_limit(html, text):
    """The glance must never pass what a measurement would not."""
    email = Email(subject="s", html_body=html, text_body=text)
    sent = render_to_send(email)
    size = 1 + sum(len(encode_text(body)[1]) for body in (sent.html, sent.text) if body)
    content = render_without_text(email)
    exact = measure(email, content, (), size)
    assert exact is None or exact.total == size
    too_large = measure(email, content, (), size - 1)
    assert too_large is not None
    assert too_large.total > size - 1
