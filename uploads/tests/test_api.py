"""POST /api/upload: what is taken, what is refused, and how early."""

import io
import re
import tracemalloc

import pytest

from accounts.models import ApiKey
from uploads.models import Upload
from uploads.tests.conftest import use
from uploads.tests.factories import PNG, bearer, form, make_project, part

pytestmark = pytest.mark.django_db


class Counting(io.RawIOBase):
    """A request body that is made as it is read, and counts how much of it was."""

    def __init__(self, head: bytes, filler: int, tail: bytes) -> None:
        self.pieces, self.filler, self.tail = head, filler, tail
        self.length = len(head) + filler + len(tail)
        self.read_bytes = 0

    def read(self, size=-1):
        size = 65536 if size < 0 else size
        while len(self.pieces) < size and self.filler:
            step = min(self.filler, 65536)
            self.pieces, self.filler = self.pieces + bytes(step), self.filler - step
        if not self.filler:
            self.pieces, self.tail = self.pieces + self.tail, b""
        data, self.pieces = self.pieces[:size], self.pieces[size:]
        self.read_bytes += len(data)
        return data


def streamed(size: int) -> tuple[Counting, str]:
    """Return a form with a file of `size` bytes that exists only while it is read."""
    body, content_type = form(part("file", b"CUT", b"large.bin"))
    head, tail = body.split(b"CUT")
    return Counting(head, size, tail), content_type


def post_form(client, *parts, route="/api/upload", **extra):
    body, content_type = form(*parts)
    return client.post(route, body, content_type=content_type, headers=extra or bearer(project()))


def post_streamed(client, body, content_type):
    return client.generic(
        "POST",
        "/api/upload",
        b"replaced below",
        content_type=content_type,
        headers=bearer(project()),
        **{"wsgi.input": body, "CONTENT_LENGTH": str(body.length)},
    )


def project():
    return make_project()


def fields_of(response):
    assert response.headers["Content-Type"] == "application/json"
    return response.json()["error"]["fields"]


@pytest.mark.parametrize("route", ["/api/upload", "/api/upload/"])
def test_the_route_answers_with_and_without_a_slash(client, local_store, route):
    assert post_form(client, part("file", PNG, b"image.png"), route=route).status_code == 201


def test_an_upload_is_stored_and_answered_as_specified(client, either_store):
    response = post_form(client, part("file", PNG, b"image.png"))
    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == {"url", "filename", "size"}
    assert re.fullmatch(r"image_[a-z0-9]{16}\.png", answer["filename"])
    assert answer["url"] == f"https://mail.example.test/uploads/{answer['filename']}"
    assert answer["size"] == len(PNG)
    upload = Upload.objects.get(name=answer["filename"])
    assert (upload.project, upload.content_type) == (project(), "image/png")
    assert (upload.filename, upload.private) == ("image.png", False)
    assert client.get(answer["url"]).getvalue() == PNG


def test_a_cdn_in_front_is_named_in_the_url(client, local_store, settings):
    settings.UPLOADS_PUBLIC_URL = "https://cdn.example.test/files"
    answer = post_form(client, part("file", PNG, b"image.png")).json()
    assert answer["url"] == f"https://cdn.example.test/files/uploads/{answer['filename']}"


def test_the_declared_type_of_a_part_is_not_believed(client, local_store):
    page = b"<script>alert(1)</script>"
    declared = part("file", page, b"innocent.png", extra=b"Content-Type: image/png\r\n")
    name = post_form(client, declared).json()["filename"]
    assert Upload.objects.get(name=name).content_type == "text/html"
    assert name.endswith(".html")


@pytest.mark.parametrize(
    ("parts", "wrong"),
    [
        ([], {"file": "missing"}),
        ([part("file", b"", b"empty.png")], {"file": "empty"}),
        ([part("file", PNG)], {"file": "no file name"}),
        ([part("file", PNG, b"")], {"file": "no file name"}),
        ([part("file", PNG, b"a.png"), part("file", b"text")], {"file": "no file name"}),
        ([part("flie", PNG, b"image.png")], {"file": "missing", "flie": "no such field"}),
        ([part("file", PNG, b"a.png"), part("file", PNG, b"b.png")], {"file": "one file"}),
        ([part("file", PNG, b"a.png"), part("alt", b"text")], {"alt": "no such field"}),
        (
            [part("more", PNG, b"b.png"), part("file", PNG, b"a.png"), part("alt", b"text")],
            {"more": "no such field", "alt": "no such field"},
        ),
        ([part("file", PNG, b"../../etc/passwd")], {"file": "path separator"}),
        ([part("file", PNG, rb"C:\\image.png")], {"file": "path separator"}),
        ([part("file", PNG, b"in\x00voice.png")], {"file": "U+0000"}),
        ([part("file", PNG, b"in\nvoice.png")], {"file": "U+000A"}),
        ([part("file", PNG, "in\u2028voice.png".encode())], {"file": "U+2028"}),
        ([part("file", PNG, "in\u202egnp.exe".encode())], {"file": "writing direction"}),
        ([part("file", PNG, b"..")], {"file": "Give the file a name"}),
        ([part("file", PNG, b"x" * 256)], {"file": "255"}),
    ],
)
def test_a_wrong_form_is_refused_and_every_fault_named(client, local_store, parts, wrong):
    response = post_form(client, *parts)
    assert response.status_code == 400
    fields = fields_of(response)
    assert set(fields) == set(wrong)
    for name, why in wrong.items():
        assert why in fields[name][0]
    assert not Upload.objects.exists()
    assert not local_store.exists()


def test_an_encoded_line_break_in_a_file_name_is_refused(client, local_store):
    head = b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''a%0D%0Ab.png"
    response = post_form(client, head + b"\r\n\r\n" + PNG)
    assert (response.status_code, "U+000D" in fields_of(response)["file"][0]) == (400, True)


@pytest.mark.parametrize("name", [b"name", b"filename"])
def test_a_header_of_a_part_that_can_not_be_read_is_malformed(client, local_store, name):
    cut = name + b"*=utf-8''a; " + name + b"*0=b"  # a first piece without a number (RFC 2231)
    head = b'Content-Disposition: form-data; name="file"; ' + cut
    response = post_form(client, head + b"\r\n\r\n" + PNG)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "malformed_request")
    assert "header" in response.json()["error"]["message"]
    assert not Upload.objects.exists()


def test_a_request_without_any_body_misses_its_file(client):
    response = client.post("/api/upload", headers=bearer(project()))
    assert (response.status_code, list(fields_of(response))) == (400, ["file"])


def test_a_body_that_breaks_off_is_refused(client, local_store):
    body, content_type = form(part("file", PNG * 10, b"image.png"))
    response = client.post(
        "/api/upload", body[:500], content_type=content_type, headers=bearer(project())
    )
    assert (response.status_code, "ended" in fields_of(response)["file"][0]) == (400, True)


def test_a_connection_that_breaks_is_no_fault_of_ours(client, local_store):
    class Broken(Counting):
        def read(self, size=-1):
            raise OSError("connection reset")

    body, content_type = streamed(1000)
    broken = Broken(body.pieces, body.filler, body.tail)
    assert post_streamed(client, broken, content_type).status_code == 400


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=ü"])
def test_a_form_without_boundary_is_malformed(client, content_type):
    response = client.post(
        "/api/upload", b"--x\r\n", content_type=content_type, headers=bearer(project())
    )
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "malformed_request"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "image/png", "application/x-www-form-urlencoded", "multipart/mixed", ""],
)
def test_other_content_types_are_415(client, content_type):
    response = client.generic(
        "POST", "/api/upload", PNG, content_type=content_type, headers=bearer(project())
    )
    assert response.status_code == 415
    assert "multipart/form-data" in response.json()["error"]["message"]


def test_a_declared_length_past_the_limit_is_refused_unread(client, settings):
    body, content_type = streamed(settings.MAX_UPLOAD_BYTES + 17 * 1024)
    response = post_streamed(client, body, content_type)
    assert (response.status_code, body.read_bytes) == (413, 0)
    assert "MAX_UPLOAD_BYTES" in response.json()["error"]["message"]


@pytest.mark.parametrize(("size", "status"), [(1_000_000, 201), (1_000_001, 413)])
def test_the_limit_is_on_the_file_itself(client, local_store, settings, size, status):
    settings.MAX_UPLOAD_BYTES = 1_000_000
    response = post_streamed(client, *streamed(size))
    assert response.status_code == status


def test_counting_stops_at_the_first_byte_too_many(client, local_store, settings, monkeypatch):
    settings.MAX_UPLOAD_BYTES = 200_000
    monkeypatch.setattr("uploads.receiving.OVERHEAD_BYTES", 10**9)  # as if none were declared
    body, content_type = streamed(5_000_000)
    assert post_streamed(client, body, content_type).status_code == 413
    assert body.read_bytes < 200_000 + 3 * 65536


def test_a_body_of_unknown_length_is_411(client):
    response = client.generic(
        "POST",
        "/api/upload",
        content_type="multipart/form-data; boundary=x",
        headers=bearer(project()) | {"Transfer-Encoding": "chunked"},
    )
    assert (response.status_code, response.json()["error"]["code"]) == (411, "length_required")


def test_a_large_upload_is_never_whole_in_memory(client, local_store):
    post_form(client, part("file", PNG, b"warm-up.png"))
    size = 24 * 1024 * 1024
    body, content_type = streamed(size)
    tracemalloc.start()
    response = post_streamed(client, body, content_type)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (response.status_code, response.json()["size"]) == (201, size)
    assert peak < size // 6


@pytest.mark.parametrize("authorization", [None, "Bearer mk_wrong", "Basic abc"])
def test_a_stranger_is_refused_before_the_body_is_read(client, authorization):
    body, content_type = streamed(1000)
    response = client.generic(
        "POST",
        "/api/upload",
        b"replaced below",
        content_type=content_type,
        headers={"Authorization": authorization} if authorization else {},
        **{"wsgi.input": body, "CONTENT_LENGTH": str(body.length)},
    )
    assert (response.status_code, body.read_bytes) == (401, 0)


def test_a_revoked_key_is_refused(client):
    headers = bearer(project())
    ApiKey.objects.get().revoke()
    assert post_form(client, part("file", PNG, b"a.png"), **headers).status_code == 401


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_405_in_the_error_shape(client, method):
    response = getattr(client, method)("/api/upload", headers=bearer(project()))
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")


def test_a_store_in_trouble_is_503_and_nothing_is_written_down(client, settings, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    use(settings, "uploads.local.LocalStorage", location=in_the_way)
    response = post_form(client, part("file", PNG, b"image.png"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.json()["error"]["code"] == "unavailable"
    assert not Upload.objects.exists()
