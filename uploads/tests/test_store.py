"""Stored first, then known; and found again by those who may."""

import io

import pytest
from django.db import DatabaseError, transaction

from uploads.filenames import UnsafeFilename
from uploads.models import Upload
from uploads.store import EmptyFile, FileTooLarge, store
from uploads.tests.factories import PNG, make_project, make_upload

pytestmark = pytest.mark.django_db


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_inline_content_becomes_a_private_upload(either_store):
    upload = make_upload(b"%PDF-1.7\n...", "Rechnung März.pdf", private=True)
    assert (upload.private, upload.content_type) == (True, "application/pdf")
    assert (upload.filename, upload.size) == ("Rechnung März.pdf", 12)
    assert upload.read() == b"%PDF-1.7\n..."


@pytest.mark.parametrize(
    ("content", "filename", "error"),
    [
        (b"", "a.png", EmptyFile),
        (b"12345", "a.png", FileTooLarge),
        (b"1", "a\r\nb.png", UnsafeFilename),
    ],
)
def test_what_can_not_be_taken_leaves_nothing(local_store, content, filename, error):
    with pytest.raises(error):
        store(make_project(), io.BytesIO(content), filename, max_bytes=4)
    assert files_in(local_store) == []
    assert not Upload.objects.exists()


def test_the_file_is_there_before_the_row(local_store, monkeypatch):
    seen = []
    monkeypatch.setattr(Upload, "save", lambda self, **_: seen.append(files_in(local_store)))
    make_upload()
    assert len(seen[0]) == 1


def test_the_file_goes_when_the_row_can_not_be_saved(local_store, monkeypatch):
    def fail(self, **_):
        assert len(files_in(local_store)) == 1
        raise DatabaseError("the database is away")

    monkeypatch.setattr(Upload, "save", fail)
    with pytest.raises(DatabaseError):
        make_upload()
    assert files_in(local_store) == []


@pytest.mark.django_db(transaction=True)
def test_storing_inside_a_transaction_is_an_error(local_store):
    project = make_project()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        make_upload(project=project)
    assert files_in(local_store) == []


@pytest.mark.django_db(transaction=True)
def test_the_file_goes_with_its_row_and_not_before_the_commit(local_store):
    upload = make_upload()
    with transaction.atomic():
        upload.delete()
        assert len(files_in(local_store)) == 1
    assert files_in(local_store) == []


@pytest.mark.django_db(transaction=True)
def test_a_rollback_keeps_the_file(local_store):
    upload = make_upload()
    with transaction.atomic():
        Upload.objects.all().delete()
        transaction.set_rollback(True)
    assert Upload.objects.get(name=upload.name).read() == PNG


@pytest.mark.parametrize(
    "reference",
    ["{name}", "https://mail.example.test/uploads/{name}", "https://cdn.test/uploads/{name}"],
)
def test_an_upload_is_found_by_url_or_name(local_store, settings, reference):
    settings.UPLOADS_PUBLIC_URL = "https://cdn.test"
    upload = make_upload()
    reference = reference.format(name=upload.name)
    assert Upload.objects.named(upload.project, [reference]) == {reference: upload}


@pytest.mark.parametrize(
    "reference",
    [
        "https://elsewhere.test/uploads/{name}",
        "https://mail.example.test/{name}",
        "https://mail.example.test/uploads/../uploads/{name}",
        "https://mail.example.test/uploads/{name}?v=1",
        "https://mail.example.test/uploads/https://mail.example.test/uploads/{name}",
        "https://cdn.test/uploads/https://mail.example.test/uploads/{name}",
        "/uploads/{name}",
        "{name}\n",
        "{name}\0",
        "image.png",
        "",
        "x" * 10_000,
    ],
)
def test_what_is_not_our_url_finds_nothing(
    local_store, settings, django_assert_num_queries, reference
):
    settings.UPLOADS_PUBLIC_URL = "https://cdn.test"
    upload = make_upload()
    with django_assert_num_queries(0):
        assert Upload.objects.named(upload.project, [reference.format(name=upload.name)]) == {}


def test_another_project_and_private_content_are_not_found(local_store):
    theirs = make_upload(project=make_project("Theirs"))
    private = make_upload(private=True)
    assert Upload.objects.named(private.project, [theirs.url, private.name]) == {}
