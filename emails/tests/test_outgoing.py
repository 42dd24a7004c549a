"""What delivery reads of emails is what was stored."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import make_project
from emails import outgoing
from emails.models import Email
from emails.submission import AttachedFile
from emails.tests.factories import make_email, make_template, version_of

pytestmark = pytest.mark.django_db

FULL = {
    "to": [{"email": "ann@example.org", "name": 'Änn \\ "A"'}],
    "cc": [{"email": "bob@example.org", "name": ""}],
    "reply_to": [{"email": "us@example.com", "name": "Us"}],
    "subject": "Grüße \U0001f600",
    "html_body": "<p>50 % {} ü</p>",
    "text_body": "50 % \\ ü",
    "variables": {"b": 1, "a": [1.5, None, True, "\u2028"]},
    "headers": {"X-A": ["1", "2"]},
    "track_opens": True,
    "track_clicks": False,
}
MOMENTS = [
    datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2026, 2, 28, 1, 2, 3, 1, UTC),
    datetime(2199, 7, 4, 12, 0, 0, 123_457, UTC),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_column_is_read_as_it_was_stored(moment):
    emails = [make_email(), make_email()]
    Email.objects.filter(pk=emails[0].pk).update(
        **FULL, created_at=moment, expires_at=moment, scheduled_at=moment
    )
    loaded = outgoing.load([email.pk for email in emails])
    assert len(loaded) == 2
    for values in Email.objects.values(*outgoing.COLUMNS):
        email = loaded[values["pk"]]
        assert {name: getattr(email, name) for name in outgoing.COLUMNS} == values


def test_templates_and_files_are_those_of_their_own_email_and_what_is_gone_is_left_out():
    project = make_project()
    version = version_of(make_template(project))
    parts = {"template_version": version, "subject": None, "html_body": None}
    templated = make_email(project, **parts, variables={"name": "Ann"})
    files = (AttachedFile("a.txt", content=b"a"), AttachedFile("b.txt", content=b"b"))
    attached, plain, gone = make_email(attachments=files), make_email(), make_email()
    ids = [email.pk for email in (templated, attached, plain, gone)]
    gone.delete()
    loaded = outgoing.load(ids)
    assert set(loaded) == set(ids[:3])
    assert {pk: email.template_version for pk, email in loaded.items()} == {
        templated.pk: version,
        attached.pk: None,
        plain.pk: None,
    }
    assert [[file.name for file in loaded[pk].attachments] for pk in ids[:3]] == [
        [],
        ["a.txt", "b.txt"],
        [],
    ]


def test_seconds_left_count_down_to_the_expiry():
    email = make_email()
    Email.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert outgoing.load([email.pk])[email.pk].seconds_left == pytest.approx(3600, abs=60)
    Email.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    assert outgoing.load([email.pk])[email.pk].seconds_left == pytest.approx(-3600, abs=60)
