"""Things that the tests of uploads need."""

import io
import secrets

from accounts.models import ApiKey, Project
from uploads.models import Upload
from uploads.store import store

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(200))


def make_project(name: str = "Shop") -> Project:
    """Return a project."""
    return Project.named(name)


def bearer(project: Project) -> dict[str, str]:
    """Return the header that a caller of `project` sends."""
    _, secret = ApiKey.issue(project, "tests")
    return {"Authorization": f"Bearer {secret}"}


def make_upload(content: bytes = PNG, filename: str = "image.png", **options) -> Upload:
    """Return an upload whose content is stored."""
    project = options.pop("project", None) or make_project()
    return store(project, io.BytesIO(content), filename, **options)


def part(name: str, content: bytes, filename: bytes | None = None, *, extra: bytes = b"") -> bytes:
    """Return one part of a form, without its boundary."""
    named = b"" if filename is None else b'; filename="' + filename + b'"'
    head = b'Content-Disposition: form-data; name="' + name.encode() + b'"' + named
    return head + b"\r\n" + extra + b"\r\n" + content


def form(*parts: bytes) -> tuple[bytes, str]:
    """Return the body of a form and its content type."""
    boundary = b"----" + secrets.token_hex(8).encode()
    body = b"".join(b"--" + boundary + b"\r\n" + each + b"\r\n" for each in parts)
    return body + b"--" + boundary + b"--\r\n", f"multipart/form-data; boundary={boundary.decode()}"
