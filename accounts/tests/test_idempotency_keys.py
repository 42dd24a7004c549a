"""Idempotency keys as rows: taken once, reused when expired, forgotten some time later."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tasks
from accounts.models import IdempotencyKey
from accounts.models.access import FORGET_AFTER
from accounts.tests.factories import make_project

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def make_row(project=None, key="k1", age=timedelta(), fingerprint="a"):
    return IdempotencyKey(
        project=project or make_project(),
        key=key,
        fingerprint=fingerprint,
        status_code=202,
        answer="{}",
        created_at=timezone.now() - age,
    )


def make_rows(count, age):
    project = make_project()
    IdempotencyKey.objects.bulk_create(
        make_row(project, f"{age}-{number}", age) for number in range(count)
    )


@pytest.mark.parametrize(("age", "taken"), [(DAY - timedelta(minutes=1), False), (DAY, True)])
def test_key_is_taken_again_only_when_it_has_expired(age, taken):
    first = make_row(age=age)
    assert IdempotencyKey.objects.take(first)
    assert IdempotencyKey.objects.take(make_row(first.project, fingerprint="b")) is taken
    assert IdempotencyKey.objects.get().fingerprint == ("b" if taken else "a")


def test_how_long_keys_live_is_a_setting(settings):
    settings.IDEMPOTENCY_SECONDS = 60
    row = make_row(age=timedelta(seconds=61))
    row.save()
    assert IdempotencyKey.objects.alive().twin_of(row) is None
    assert IdempotencyKey.objects.take(make_row(row.project))


def test_expired_keys_are_forgotten_and_no_others(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(tasks, "BATCH", 3)
    make_rows(7, DAY + FORGET_AFTER + timedelta(seconds=1))
    make_rows(2, DAY)
    with django_assert_num_queries(6):  # three times three: looked for, deleted
        tasks.forget_expired_keys()
    assert IdempotencyKey.objects.count() == 2


def test_one_run_forgets_only_so_many(monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    monkeypatch.setattr(tasks, "BATCHES", 2)
    make_rows(6, 2 * DAY)
    tasks.forget_expired_keys()
    assert IdempotencyKey.objects.count() == 2


def test_beat_has_keys_forgotten(settings):
    scheduled = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert tasks.forget_expired_keys.name in scheduled
