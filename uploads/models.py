"""Files that callers gave us: rows about what the storage holds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Project
from uploads.kinds import SHOWN_INLINE
from uploads.names import STORED_NAME
from uploads.storage import Part, upload_storage

PATH = "/uploads/"
NAMES_PER_QUERY = 500  # SQLite takes a limited number of parameters


def public_bases() -> tuple[str, ...]:
    """Return what an upload's URL may start with, the one that we give out first."""
    bases = (settings.UPLOADS_PUBLIC_URL, settings.PUBLIC_URL)
    return tuple(base + PATH for base in bases if base)


class UploadQuerySet(models.QuerySet["Upload"]):
    """Uploads of one project, and those that anybody may read."""

    def of(self, project: Project) -> UploadQuerySet:
        """Return the uploads of `project`."""
        return self.filter(project=project)

    def public(self) -> UploadQuerySet:
        """Return the uploads that have a URL."""
        return self.filter(private=False)

    def named(self, project: Project, references: Iterable[str]) -> dict[str, Upload]:
        """Return the public uploads of `project` that URLs or names of ours mean, by reference.

        Another project's upload is not found, even though its URL is public: what a caller may
        attach is what the caller uploaded.
        """
        names = {reference: _name_in(reference) for reference in references}
        wanted = iter({name for name in names.values() if STORED_NAME.fullmatch(name)})
        found: dict[str, Upload] = {}
        while some := list(islice(wanted, NAMES_PER_QUERY)):
            found |= {
                upload.name: upload for upload in self.of(project).public().filter(name__in=some)
            }
        return {reference: found[name] for reference, name in names.items() if name in found}


def _name_in(reference: str) -> str:
    bases = [base for base in public_bases() if reference.startswith(base)]
    return reference.removeprefix(bases[0]) if bases else reference


class Upload(models.Model):
    """One stored file. Never overwritten, never changed."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(
        max_length=255,
        unique=True,
        help_text="Name in the storage and in the URL: the stem, a random part, the extension.",
    )
    filename = models.CharField(max_length=255, help_text="Name that the caller gave.")
    content_type = models.CharField(max_length=255, help_text="By content, not by extension.")
    size = models.PositiveBigIntegerField(help_text="In bytes.")
    private = models.BooleanField(
        default=False, help_text="Attached in a request: never served at /uploads/."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UploadQuerySet.as_manager()

    class Meta:
        db_table = "uploads"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """The address for everybody; a private upload has one too, but it answers 404."""
        return public_bases()[0] + self.name

    @property
    def shown_inline(self) -> bool:
        """Tell whether a browser may show it from our origin, instead of saving it."""
        return self.content_type in SHOWN_INLINE

    def open_at(self, start: int = 0, length: int | None = None) -> Part:
        """Open the content, or a part of it; the reader closes it. Raises OSError.

        FileNotFoundError (an OSError) where the store lost the file. Not inside a transaction.
        """
        return upload_storage().open_at(self.name, start, length)

    def read(self) -> bytes:
        """Return the whole content, for what has to be in memory anyway. Raises OSError."""
        with self.open_at() as part:
            return b"".join(part)
