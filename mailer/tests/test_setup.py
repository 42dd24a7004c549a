"""`manage.py setup`, as the service of that name in docker-compose.yml runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from accounts.models import ApiKey, Project
from accounts.tests.factories import make_domain, make_signing_key
from emails.models import Template
from mailer.development.programs import ROOT
from tests.servers import PostgresServer, free_port

STRONG = "correct-horse-battery"
WAIT_A_MOMENT = "import django; django.setup(); from mailer.preparation import *; {}"


@pytest.fixture
def staff(monkeypatch):
    monkeypatch.setenv("STAFF_USERNAME", "ada")
    monkeypatch.setenv("STAFF_PASSWORD", STRONG)


def user(name="ada"):
    return get_user_model().objects.get(username=name)


def start(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "mailer.settings"} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.django_db
def test_empty_database_gets_all_that_is_needed(staff):
    call_command("setup")
    assert user().is_superuser
    assert user().check_password(STRONG)
    templates = Project.objects.get(slug="default").templates
    assert templates.count() == 3


@pytest.mark.django_db
def test_second_time_changes_nothing_and_says_nothing_new(staff, capsys):
    call_command("setup")
    before = list(Template.objects.values()), user().password
    capsys.readouterr()
    call_command("setup")
    assert (list(Template.objects.values()), user().password) == before
    assert capsys.readouterr().out.splitlines() == ["the database is up to date", "ready"]


@pytest.mark.django_db
def test_password_that_staff_changed_is_never_set_back(staff):
    call_command("setup")
    changed = user()
    changed.set_password("another-password")
    changed.is_superuser = False
    changed.save()
    call_command("setup")
    assert user().check_password("another-password")
    assert not user().is_superuser


@pytest.mark.django_db
def test_no_staff_is_made_unless_it_is_named(monkeypatch):
    monkeypatch.delenv("STAFF_USERNAME", raising=False)
    call_command("setup")
    assert not get_user_model().objects.exists()
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "sentence"),
    [("", r"STAFF_PASSWORD is not set\. "), ("12345678", r"The password of 'ada' is too weak: ")],
)
def test_missing_or_weak_password_is_refused_with_a_sentence(
    staff, monkeypatch, password, sentence
):
    monkeypatch.setenv("STAFF_PASSWORD", password)
    with pytest.raises(ImproperlyConfigured, match=sentence):
        call_command("setup")
    assert not get_user_model().objects.exists()


@pytest.mark.django_db
def test_encryption_key_that_is_missing_stops_the_start_until_it_is_back(settings):
    right = settings.ENCRYPTION_KEYS
    make_signing_key(make_domain())
    settings.ENCRYPTION_KEYS = ["x" * 32]
    with pytest.raises(ImproperlyConfigured, match=r"^ENCRYPTION_KEYS lacks a key: 1 private DKIM"):
        call_command("setup")
    settings.ENCRYPTION_KEYS = ["x" * 32, *right]
    call_command("setup")


def test_database_that_stays_away_ends_the_wait_with_one_sentence():
    away = f"postgres://mailer:secret@127.0.0.1:{free_port()}/mailer"
    code = WAIT_A_MOMENT.format(
        "from mailer.environment import one_sentence\nwith one_sentence(): wait_for_database(0.5)"
    )
    process = start("-c", code, DATABASE_URL=away)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    waiting, sentence = errors.splitlines()
    assert waiting.endswith("waiting for the database")
    assert sentence.startswith("error: The database can't be used (connection failed: ")
    assert "secret" not in errors


def test_bucket_that_can_not_be_had_is_said_in_one_sentence(tmp_path: Path):
    process = start(
        *("manage.py", "setup"),
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
        S3_BUCKET="uploads",
        S3_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}",
        AWS_ACCESS_KEY_ID="tests",
        AWS_SECRET_ACCESS_KEY="tests",
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("error: The bucket can't be used (S3 can't be reached for uploads")
    assert errors.count("\n") == 1


@pytest.mark.services
def test_database_that_comes_up_late_is_waited_for(postgres: PostgresServer):
    postgres.stop()
    process = start("manage.py", "setup", DATABASE_URL=postgres.url)
    assert process.stderr
    assert process.stderr.readline().rstrip().endswith("waiting for the database")
    postgres.start()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output.splitlines()[-1] == "ready"
