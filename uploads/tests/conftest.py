"""Both stores, real ones: a folder, and moto's S3 over HTTP on a free port."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

S3_SERVER = Path(__file__).with_name("s3_server.py")
CREDENTIALS = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Return the URL of an S3 server that lives as long as the tests."""
    command = [sys.executable, str(S3_SERVER)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


@pytest.fixture(scope="session")
def s3(s3_endpoint):
    """Return a client of that server that is not ours."""
    return boto3.resource("s3", endpoint_url=s3_endpoint, region_name="us-east-1", **CREDENTIALS)


@pytest.fixture
def bucket(s3):
    """Return a new bucket."""
    return s3.create_bucket(Bucket=f"uploads-{uuid.uuid4().hex}")


@pytest.fixture
def local_store(settings, tmp_path):
    """Make the settings name a new folder; return it."""
    folder = tmp_path / "uploads"
    use(settings, "uploads.local.LocalStorage", location=folder)
    return folder


@pytest.fixture
def s3_store(settings, monkeypatch, bucket, s3_endpoint):
    """Make the settings name a new bucket; return it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    use(settings, "uploads.s3.S3Storage", bucket_name=bucket.name, endpoint_url=s3_endpoint)
    return bucket


@pytest.fixture(params=["local_store", "s3_store"])
def either_store(request):
    """Run the test over the folder and over the bucket."""
    return request.getfixturevalue(request.param)


def use(settings, backend: str, **options: object) -> None:
    """Make `backend` the store of uploads."""
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": options}}
