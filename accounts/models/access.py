"""Projects, and the keys that let applications speak for them."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, models
from django.utils import timezone
from django.utils.text import slugify

from accounts.patience import LockedTooLong, patience, patient_transaction

KEY_START = "mk_"
PREFIX_LENGTH = 10
USE_RESOLUTION = timedelta(minutes=1)
NOTE_SECONDS = 0.5
FORGET_AFTER = timedelta(hours=1)

M = TypeVar("M", bound=models.Model)


class Project(models.Model):
    """Whose mail it is: keys, emails, templates and uploads belong to one project each."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "projects"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def named(cls, name: str) -> Project:
        """Return the project whose slug is that of `name`, made if it is new."""
        project, _ = cls.objects.get_or_create(slug=slugify(name), defaults={"name": name})
        return project


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys, and those that still open the door."""

    def active(self) -> ApiKeyQuerySet:
        """Return the keys that were not revoked."""
        return self.filter(revoked_at=None)

    def matching(self, key: str) -> ApiKey | None:
        """Return the active key that is `key`, with its project, or None.

        Every request asks: to build this query by the ORM costs three times what it takes.
        """
        sql = """
            SELECT api_keys.id, api_keys.name, prefix, last_used_at,
                projects.id, projects.name, projects.slug
            FROM api_keys JOIN projects ON projects.id = project_id
            WHERE digest = %s AND revoked_at IS NULL
            """
        with connection.cursor() as cursor:
            cursor.execute(sql, [ApiKey.digest_of(key)])
            row = cursor.fetchone()
        return _recognised(*row) if row else None


def _recognised(pk: int, name: str, prefix: str, used_at: datetime | None, *project: Any) -> ApiKey:
    if used_at and used_at.tzinfo is None:  # as SQLite keeps it
        used_at = used_at.replace(tzinfo=UTC)
    owner = _loaded(Project, id=project[0], name=project[1], slug=project[2])
    key = _loaded(
        ApiKey, id=pk, project_id=owner.pk, name=name, prefix=prefix, last_used_at=used_at
    )
    key.project = owner
    return key


def _loaded(model: type[M], **values: Any) -> M:
    """Return a row with these values, named in the order of the model; others load when read."""
    return model.from_db(connection.alias, list(values), list(values.values()))


class ApiKey(models.Model):
    """A secret of a program. Only its SHA-256 is kept: docs/adr/0003-hashed-keys.md."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="What uses the key, such as “billing”.")
    prefix = models.CharField(max_length=20, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "api_keys"
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(key: str) -> str:
        """Return what is stored of `key`. It has 256 random bits, so one plain hash is enough."""
        return hashlib.sha256(key.encode()).hexdigest()

    def set_key(self) -> str:
        """Give this (unsaved) row a new key and return it: the only time that it can be seen."""
        key = KEY_START + secrets.token_urlsafe(32)
        self.prefix, self.digest = key[:PREFIX_LENGTH], self.digest_of(key)
        return key

    @classmethod
    def issue(cls, project: Project, name: str) -> tuple[ApiKey, str]:
        """Save a new key and return it with its secret."""
        api_key = cls(project=project, name=name)
        secret = api_key.set_key()
        api_key.save()
        return api_key, secret

    def revoke(self) -> None:
        """Close the door at once; revoking twice keeps the first time."""
        ApiKey.objects.active().filter(pk=self.pk).update(revoked_at=timezone.now())

    def note_use(self) -> None:
        """Remember that the key was used, to the minute: no write for each request.

        Where others write for long, the next request will: no caller waits for this.
        """
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > USE_RESOLUTION:
            with suppress(LockedTooLong), patience(NOTE_SECONDS), patient_transaction(NOTE_SECONDS):
                ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Keys that count, and the one statement that takes one."""

    def alive(self) -> IdempotencyKeyQuerySet:
        """Return the keys whose answers are given again."""
        return self.filter(created_at__gt=_expiry())

    def forgettable(self) -> IdempotencyKeyQuerySet:
        """Return those that nobody can be reading any more: expired, and some time ago."""
        return self.filter(created_at__lt=_expiry() - FORGET_AFTER)

    def twin_of(self, row: IdempotencyKey) -> IdempotencyKey | None:
        """Return what is stored under the same key of the same project, or None."""
        return self.filter(project_id=row.project_id, key=row.key).first()

    def take(self, row: IdempotencyKey) -> bool:
        """Store `row`, over an expired one too; False where the key is taken.

        Waits for a transaction that has stored the same key and has not ended yet.
        """
        moment = connection.ops.adapt_datetimefield_value
        sql = """
            INSERT INTO idempotency_keys AS held
                (project_id, key, fingerprint, status_code, answer, created_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (project_id, key) DO UPDATE SET fingerprint = excluded.fingerprint,
                status_code = excluded.status_code, answer = excluded.answer,
                created_at = excluded.created_at
            WHERE held.created_at <= %s RETURNING id
            """
        values = (row.project_id, row.key, row.fingerprint, row.status_code, row.answer)
        with connection.cursor() as cursor:
            cursor.execute(sql, [*values, moment(row.created_at), moment(_expiry())])
            return bool(cursor.fetchall())

    def correct(self, row: IdempotencyKey, answer: str) -> None:
        """Change the answer of a key that was taken in the transaction that is open."""
        self.filter(project_id=row.project_id, key=row.key).update(answer=answer)


class IdempotencyKey(models.Model):
    """A request that was carried out, and its answer; written together with what it made."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status_code = models.PositiveSmallIntegerField()
    answer = models.TextField(help_text="JSON as it was sent: jsonb would change its order.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        db_table = "idempotency_keys"
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="idempotency_key_of_project")
        ]

    def __str__(self) -> str:
        return self.key


def _expiry() -> datetime:
    return timezone.now() - timedelta(seconds=settings.IDEMPOTENCY_SECONDS)
