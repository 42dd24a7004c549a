"""GET /uploads/<name>: what anybody may read, how, and what browsers are told about it."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils.http import http_date
from hypothesis import given
from hypothesis import strategies as st

from uploads.models import Upload
from uploads.ranges import ByteRange, Unsatisfiable, parse_range
from uploads.storage import Part, upload_storage
from uploads.tests.conftest import use
from uploads.tests.factories import PNG, make_upload

pytestmark = pytest.mark.django_db
CREATED = datetime(2026, 1, 2, 3, 4, 5, 678900, UTC)


@pytest.fixture
def path(local_store):
    upload = make_upload()
    Upload.objects.update(created_at=CREATED)
    return f"/uploads/{upload.name}"


def etag(path):
    return f'"{path.rpartition("/")[2]}"'


def test_the_whole_file_is_streamed_for_ever_cached(client, path, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = client.get(path)
        assert response.getvalue() == PNG
    assert (response.status_code, response.streaming) == (200, True)
    expected = {
        "Content-Type": "image/png",
        "Content-Length": str(len(PNG)),
        "ETag": etag(path),
        "Last-Modified": http_date(int(CREATED.timestamp())),
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": 'inline; filename="image.png"',
    }
    assert {name: response.headers[name] for name in expected} == expected
    assert "Vary" not in response.headers
    assert not response.cookies


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"<svg onload='alert(1)'/>", "image.svg"),
        (b"<svg onload='alert(1)'/>", "image.png"),
        (b"<script>alert(1)</script>", "page.html"),
        (b"<?xml version='1.0'?><html/>", "page.xhtml"),
        (b"%PDF-1.7\n", "paper.pdf"),
        (b"alert(1)", "code.js"),
        (b"\x00\x01\x02", "image.png"),
    ],
)
def test_what_could_run_is_saved_and_never_shown(client, local_store, content, filename):
    response = client.get(f"/uploads/{make_upload(content, filename).name}")
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_name_outside_ascii_is_offered_as_it_was(client, local_store):
    upload = make_upload(filename='写"真.png')
    response = client.get(f"/uploads/{upload.name}")
    assert "filename*=utf-8''%E5%86%99%22%E7%9C%9F.png" in response.headers["Content-Disposition"]


def test_head_says_the_same_without_asking_the_store(client, path, monkeypatch):
    whole = client.get(path)
    monkeypatch.setattr(Upload, "open_at", None)
    head = client.head(path, headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(whole.headers)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=5-", (5, len(PNG))),
        ("bytes=-7", (len(PNG) - 7, len(PNG))),
        ("bytes=-99999", (0, len(PNG))),
        ("bytes=10-99999", (10, len(PNG))),
        ("Bytes= 3-3 ", (3, 4)),
    ],
)
def test_a_single_range_is_answered_alone(client, path, header, expected):
    start, end = expected
    response = client.get(path, headers={"Range": header})
    assert response.status_code == 206
    assert response.getvalue() == PNG[start:end]
    assert response.headers["Content-Length"] == str(end - start)
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(PNG)}"


def test_either_store_gives_the_whole_and_a_part(client, either_store):
    path = f"/uploads/{make_upload().name}"
    assert client.get(path).getvalue() == PNG
    assert client.get(path, headers={"Range": "bytes=3-5"}).getvalue() == PNG[3:6]


@pytest.mark.parametrize(
    "header", ["bytes=0-1,4-5", "items=0-1", "bytes=", "bytes=-", "bytes=9-1", "bytes=a-b", "junk"]
)
def test_any_other_range_means_the_whole(client, path, header):
    response = client.get(path, headers={"Range": header})
    assert (response.status_code, response.getvalue()) == (200, PNG)


@pytest.mark.parametrize("header", [f"bytes={len(PNG)}-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_past_the_end_is_416(client, path, header):
    response = client.get(path, headers={"Range": header})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(PNG)}"


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("same", 206),
        (http_date(int(CREATED.timestamp())), 206),
        ('"other"', 200),
        ('W/"other"', 200),
        (http_date(0), 200),
        ("junk", 200),
    ],
)
def test_a_range_of_another_version_means_the_whole(client, path, condition, status):
    condition = etag(path) if condition == "same" else condition
    response = client.get(path, headers={"Range": "bytes=0-1", "If-Range": condition})
    assert response.status_code == status


@given(st.text("bytes=-0123456789, ", max_size=20), st.integers(1, 50))
def test_a_range_lies_within_the_file(header, size):
    try:
        part = parse_range(header, size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part.start <= part.end < size


def test_a_range_knows_its_length():
    part = ByteRange(10, 19, 100)
    assert (part.length, part.content_range) == (10, "bytes 10-19/100")


@pytest.mark.parametrize(
    "header",
    [
        {"If-None-Match": "same"},
        {"If-None-Match": "*"},
        {"If-Modified-Since": http_date(int(CREATED.timestamp()))},
    ],
)
def test_what_the_reader_has_is_not_sent_again(client, path, header, monkeypatch):
    monkeypatch.setattr(Upload, "open_at", None)
    header = {name: value.replace("same", etag(path)) for name, value in header.items()}
    response = client.get(path, headers=header)
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == etag(path)
    assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "header", [{"If-None-Match": '"other"'}, {"If-Modified-Since": http_date(0)}]
)
def test_what_the_reader_has_not_is_sent(client, path, header):
    assert client.get(path, headers=header).getvalue() == PNG


@pytest.mark.parametrize(
    "name",
    ["image_aaaaaaaaaaaaaaaa.png", "nothing", "../settings.py", "a/b.png", "a%00b", "%0A", ""],
)
def test_an_unknown_name_is_404_in_plain_text(client, path, name):
    response = client.get(f"/uploads/{name}")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"


def test_a_private_upload_is_404_like_an_unknown_one(client, path):
    private = client.get(f"/uploads/{make_upload(private=True).name}")
    unknown = client.get("/uploads/image_aaaaaaaaaaaaaaaa.png")
    assert (private.status_code, private.content) == (404, unknown.content)
    assert dict(private.headers) == dict(unknown.headers)


def test_a_file_that_the_store_lost_is_404(client, path):
    upload_storage().delete(Upload.objects.get().name)
    assert client.get(path).status_code == 404


def test_a_store_out_of_reach_is_503(client, path, settings, s3_store):
    use(settings, "uploads.s3.S3Storage", bucket_name="gone", endpoint_url="http://127.0.0.1:9")
    response = client.get(path)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nothing_is_written_here(path, method):
    response = getattr(Client(enforce_csrf_checks=True), method)(path)
    assert response.status_code == 405


def test_a_reader_who_hangs_up_frees_the_file(client, path, monkeypatch):
    closed = []
    real_close = Part.close
    monkeypatch.setattr(Part, "close", lambda self: (closed.append(self), real_close(self)))
    response = client.get(path)
    next(iter(response))
    response.close()
    assert closed
