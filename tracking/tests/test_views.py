"""What a reader's mail program fetches, and what is kept of it."""

import pytest
from django.db import connection
from django.test import Client

from emails.models import EmailEvent, EventType
from emails.tests.factories import make_email, make_recipient
from tracking.marking import keyring, track
from tracking.tokens import Keyring

pytestmark = pytest.mark.django_db

TARGET = "https://example.net/a?b=1&c=%C3%A9#top"


def click_path(recipient, url=TARGET):
    return "/t/c/" + keyring().click_token(recipient.email_id, recipient.pk, url)


def open_path(recipient):
    return "/t/o/" + keyring().open_token(recipient.email_id, recipient.pk) + ".gif"


@pytest.fixture
def recipient():
    return make_recipient()


def hits(kind):
    return list(EmailEvent.objects.filter(type=kind))


def test_click_redirects_to_the_exact_target(client, recipient):
    answer = client.get(click_path(recipient))
    assert (answer.status_code, answer["Location"]) == (302, TARGET)
    assert "no-store" in answer["Cache-Control"]


def test_every_click_is_kept_with_link_and_reader(client, recipient):
    for _ in range(2):
        client.get(
            click_path(recipient), headers={"User-Agent": "Reader/1"}, REMOTE_ADDR="192.0.2.7"
        )
    first, second = hits(EventType.CLICK)
    assert first.recipient_id == second.recipient_id == recipient.pk
    assert first.email_id == recipient.email_id
    assert first.data == {"user_agent": "Reader/1", "ip": "192.0.2.7", "url": TARGET}


def test_pixel_answers_with_a_gif_that_nobody_caches(client, recipient):
    answer = client.get(open_path(recipient))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert answer.content.startswith(b"GIF89a")
    assert answer["Cache-Control"] == "no-store, private, max-age=0"
    assert len(hits(EventType.OPEN)) == 1


@pytest.mark.parametrize("path", ["/t/o/x.gif", "/t/o/", "/t/o/a/b?c", "/t/o/%00.gif"])
def test_pixel_with_a_bad_token_is_a_gif_all_the_same(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert not EmailEvent.objects.filter(type=EventType.OPEN).exists()


def test_changed_click_token_is_not_found(client, recipient):
    path = click_path(recipient)
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert client.get(changed).status_code == 404
    assert (
        client.get(open_path(recipient).replace("/o/", "/c/").removesuffix(".gif")).status_code
        == 404
    )
    assert hits(EventType.CLICK) == []


def test_head_redirects_and_records_nothing(client, recipient):
    answer = client.head(click_path(recipient))
    assert (answer.status_code, answer["Location"]) == (302, TARGET)
    assert client.head(open_path(recipient)).status_code == 200
    assert hits(EventType.CLICK) == hits(EventType.OPEN) == []


def test_post_is_not_answered_by_a_redirect(client, recipient):
    assert client.post(click_path(recipient)).status_code == 405


def test_link_signed_with_an_older_key_still_works(client, recipient, settings):
    older = Keyring(settings.TRACKING_KEYS[1:])
    token = older.click_token(recipient.email_id, recipient.pk, TARGET)
    assert client.get(f"/t/c/{token}")["Location"] == TARGET


@pytest.mark.django_db(transaction=True)
def test_link_works_for_mail_that_was_deleted(recipient):
    path = click_path(recipient)
    recipient.email.delete()
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, TARGET)
    assert hits(EventType.CLICK) == []


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("https://example.net/é?q=ü", "https://example.net/%C3%A9?q=%C3%BC"),
        ("https://example.net/a b", "https://example.net/a%20b"),
        ("https://example.net/?a={b}|^`&c=%7Bd%7D", "https://example.net/?a={b}|^`&c=%7Bd%7D"),
    ],
)
def test_target_is_sent_as_a_browser_would_ask(client, recipient, target, location):
    assert client.get(click_path(recipient, target))["Location"] == location


def test_no_session_is_made_and_no_query_asks_for_one(client, recipient, django_assert_num_queries):
    client.get(click_path(recipient))  # warms what is cached
    # The event; on SQLite within a savepoint and its release.
    with django_assert_num_queries(1 if connection.vendor == "postgresql" else 3):
        answer = client.get(click_path(recipient))
    assert not answer.cookies


def test_mail_may_ask_not_to_be_tracked():
    email = make_email()
    row = email.recipients.get()
    html = '<p><a href="https://example.net/">x</a></p>'
    ids = {"email_id": email.pk, "recipient_id": row.pk}
    assert track(html, **ids, opens=False, clicks=False).html == html
    assert "/t/o/" not in track(html, **ids, opens=False, clicks=True).html
    assert "/t/c/" not in track(html, **ids, opens=True, clicks=False).html
