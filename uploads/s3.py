"""Files in S3 and what is compatible with it, by django-storages and boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage as DjangoStoragesS3

from uploads.storage import Part

MEGABYTE = 1024 * 1024
CLIENT = Config(
    connect_timeout=3,  # seconds
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=64,
    # Many compatible stores do not know the checksums that botocore adds by default.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
# One PutObject reads from the file as it goes; parts would be held in memory, ten at a time.
TRANSFER = TransferConfig(
    multipart_threshold=1024 * MEGABYTE, multipart_chunksize=64 * MEGABYTE, use_threads=False
)
GONE = {"404", "NoSuchKey", "NotFound"}


class S3Storage(DjangoStoragesS3):  # type: ignore[misc]  # django-storages has no types
    """Keeps files in one bucket; credentials come from the usual AWS variables."""

    def __init__(self, **options: Any) -> None:
        fixed = {
            "file_overwrite": False,
            "default_acl": None,  # what the bucket says; a new one is private
            "querystring_auth": False,
            "gzip": False,
            "client_config": CLIENT,
            "transfer_config": TRANSFER,
        }
        super().__init__(**{**options, **fixed})

    def open_at(self, name: str, start: int = 0, length: int | None = None) -> Part:
        """See UploadStorage: one GetObject, with a Range (RFC 9110, 14) where a part is enough."""
        wanted = {"Bucket": self.bucket_name, "Key": name}
        if start or length is not None:
            end = "" if length is None else start + length - 1
            wanted["Range"] = f"bytes={start}-{end}"
        with _trouble_as_oserror(name):
            answer = self.bucket.meta.client.get_object(**wanted)
        return _RemotePart(name, answer["Body"], length)

    def delete(self, name: str) -> None:
        """See UploadStorage."""
        with _trouble_as_oserror(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        """Tell whether the name is taken, by the one client that all threads share."""
        try:
            with _trouble_as_oserror(name):
                self.bucket.meta.client.head_object(Bucket=self.bucket_name, Key=name)
        except FileNotFoundError:
            return False
        return True

    def check(self) -> None:
        """See UploadStorage: asks for the bucket."""
        with _trouble_as_oserror(self.bucket_name):
            self.bucket.meta.client.head_bucket(Bucket=self.bucket_name)

    def make_bucket(self) -> bool:
        """Make the bucket, private, unless it is there; tell whether it is new. Raises OSError."""
        try:
            self.check()
        except FileNotFoundError:
            region = self.bucket.meta.client.meta.region_name
            # The oldest region is the one that can't be named.
            place = {} if region in (None, "us-east-1") else {"LocationConstraint": region}
            with _trouble_as_oserror(self.bucket_name):
                self.bucket.create(**({"CreateBucketConfiguration": place} if place else {}))
            return True
        return False

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        """Stream; django-storages would fetch the whole file into memory first."""
        return File(cast(IO[bytes], self.open_at(name)), name)

    def _save(self, name: str, content: File[Any]) -> str:
        with _trouble_as_oserror(name):
            return str(super()._save(name, content))


class _RemotePart(Part):
    """A part whose connection can break while it is read."""

    def __init__(self, name: str, *args: Any) -> None:
        super().__init__(*args)
        self._name = name

    def read(self, size: int = MEGABYTE // 16) -> bytes:
        with _trouble_as_oserror(self._name):
            return super().read(size)


@contextmanager
def _trouble_as_oserror(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in GONE:
            raise FileNotFoundError(f"{name} is not in the bucket") from error
        raise OSError(f"S3 refused {name}: {error}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise OSError(f"S3 can't be reached for {name}: {error}") from error
