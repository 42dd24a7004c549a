"""Both stores keep the same contract."""

import io
import itertools
import os
import socket
import tracemalloc
import uuid
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from uploads.s3 import S3Storage
from uploads.storage import upload_storage
from uploads.tests.conftest import use

CONTENT = bytes(range(256)) * 4


def put(name="image_x.png", content=CONTENT):
    return upload_storage().save(name, ContentFile(content))


def read(name, *part):
    with upload_storage().open_at(name, *part) as opened:
        return b"".join(opened)


def test_what_was_stored_is_read_back(either_store):
    assert put() == "image_x.png"
    assert read("image_x.png") == CONTENT
    with default_storage.open("image_x.png") as as_django_reads:
        assert as_django_reads.read(4) == CONTENT[:4]


def test_any_part_is_read_alone_in_steps(either_store):
    name = put()
    for start, length in itertools.product([0, 1, 1000], [1, 24, None]):
        end = None if length is None else start + length
        assert read(name, start, length) == CONTENT[start:end]
    with upload_storage().open_at(name, 10, 5) as opened:
        assert [opened.read(3), opened.read(3), opened.read(3)] == [
            CONTENT[10:13],
            CONTENT[13:15],
            b"",
        ]


def test_a_taken_name_is_never_overwritten(either_store):
    first = put(content=b"first")
    second = put(content=b"second")
    assert first != second
    assert (read(first), read(second)) == (b"first", b"second")


def test_a_missing_file_is_not_found_before_anything_is_read(either_store):
    with pytest.raises(FileNotFoundError):
        upload_storage().open_at("never_stored.png")


def test_deleting_removes_and_may_be_repeated(either_store):
    name = put()
    upload_storage().check()
    upload_storage().delete(name)
    upload_storage().delete(name)
    with pytest.raises(FileNotFoundError):
        upload_storage().open_at(name)


class Breaking(io.BytesIO):
    """A file whose disk fails after the first chunk."""

    def read(self, size=-1):
        if self.tell():
            raise OSError("the disk is gone")
        return super().read(min(size, 100) if size > 0 else 100)


def test_a_file_that_breaks_off_leaves_nothing(local_store):
    with pytest.raises(OSError, match="the disk is gone"):
        upload_storage().save("image_x.png", File(Breaking(CONTENT * 5000)))
    assert [path for path in local_store.rglob("*") if path.is_file()] == []


def test_a_name_taken_at_the_last_moment_is_not_overwritten(local_store):
    path = Path(upload_storage().path("image_x.png"))

    class Racing(io.BytesIO):
        def read(self, size=-1):
            path.write_bytes(b"the other one")
            return super().read(size)

    path.parent.mkdir(parents=True)
    with pytest.raises(FileExistsError):
        upload_storage()._save("image_x.png", File(Racing(CONTENT)))
    assert path.read_bytes() == b"the other one"
    assert list(path.parent.iterdir()) == [path]


def test_content_and_name_are_flushed_before_the_name_is_given(local_store, monkeypatch):
    seen = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor):
        seen.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name[:5])
        real_fsync(descriptor)

    def replace(self, target):
        seen.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    put()
    shard = Path(upload_storage().path("image_x.png")).parent.name
    assert seen[-3:] == [".new-", "rename", shard]


def test_only_our_own_user_may_read_a_local_file(local_store):
    path = Path(upload_storage().path(put()))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("name", ["../image_x.png", "/etc/image_x.png", "a/../../../image_x.png"])
def test_no_name_leads_out_of_the_folder(local_store, name):
    with pytest.raises((SuspiciousFileOperation, FileNotFoundError)):
        upload_storage().open_at(name)


def test_a_file_of_s3_is_private_and_carries_its_type(s3_store):
    content = ContentFile(CONTENT)
    content.content_type = "image/avif"
    stored = s3_store.Object(upload_storage().save("image_x.avif", content))
    assert stored.content_type == "image/avif"
    grantees = [grant["Grantee"].get("URI") for grant in stored.Acl().grants]
    assert grantees == [None]  # the owner and no group of users


def test_s3_out_of_reach_is_an_oserror(settings, s3_store):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    use(
        settings,
        "uploads.s3.S3Storage",
        bucket_name="any",
        endpoint_url=f"http://127.0.0.1:{port}",
    )
    for attempt in (
        put,
        lambda: read("a"),
        lambda: upload_storage().delete("a"),
        upload_storage().check,
    ):
        with pytest.raises(OSError, match="S3 can't be reached"):
            attempt()


def test_a_refusal_of_s3_is_an_oserror(settings, s3_store, s3_endpoint):
    use(settings, "uploads.s3.S3Storage", bucket_name="no-such-bucket", endpoint_url=s3_endpoint)
    with pytest.raises(OSError, match="S3 refused"):
        read("image_x.png")


def test_a_large_file_passes_through_in_small_pieces(either_store, tmp_path):
    size = 24 * 1024 * 1024
    large = tmp_path / "large.bin"
    with large.open("wb") as sparse:
        sparse.truncate(size)
    put("warm_up.bin")  # clients and caches are made once
    read("warm_up.bin")
    tracemalloc.start()
    with large.open("rb") as content:
        name = upload_storage().save("large.bin", File(content))
    with upload_storage().open_at(name) as opened:
        total = sum(map(len, opened))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == size
    assert peak < size // 6


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_missing_bucket_is_made_once_in_its_region(s3, s3_endpoint, monkeypatch, region):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    name = f"uploads-{uuid.uuid4().hex}"
    store = S3Storage(bucket_name=name, endpoint_url=s3_endpoint, region_name=region)
    with pytest.raises(FileNotFoundError):
        store.check()
    assert store.make_bucket() is True
    assert store.make_bucket() is False
    store.check()
    place = s3.meta.client.get_bucket_location(Bucket=name)["LocationConstraint"]
    assert (place or "us-east-1") == region


def test_bucket_that_the_store_refuses_is_trouble(s3_endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    store = S3Storage(bucket_name="ab", endpoint_url=s3_endpoint, region_name="us-east-1")
    with pytest.raises(OSError, match=r"S3 refused ab: .*InvalidBucketName"):
        store.make_bucket()
