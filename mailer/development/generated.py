"""What `make run` makes up once and keeps in VAR: `settings.env` and other private files."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from pathlib import Path
from typing import IO

from django.core.exceptions import ImproperlyConfigured

SETTINGS_FILE = "settings.env"
_OWN_PUBLIC_URL = re.compile(r"^PUBLIC_URL=http://localhost:\d+$", re.MULTILINE)
_OWN_LISTEN = re.compile(r"^SUBMISSION_LISTEN=127\.0\.0\.1:\d+$", re.MULTILINE)
_NAME = re.compile(r"^\s*(?:export\s+)?([A-Z0-9_]+)\s*=", re.MULTILINE)


def data_folder(var: Path) -> Path:
    """Return `var`, made if it is new; raises ImproperlyConfigured when it can't be used."""
    try:
        var.mkdir(parents=True, exist_ok=True)
        usable = os.access(var, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        raise ImproperlyConfigured(f"VAR={var} can't be used. Name a folder that can be written.")
    return var


def claim_folder(var: Path) -> IO[str]:
    """Keep `var` for this process while the file that is returned stays open.

    Raises ImproperlyConfigured when another process has it.
    """
    lock = (var / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ImproperlyConfigured(
            f"VAR={var} is used by another `make run`. Stop that one, or give this one a data "
            "folder and a port of its own: make run VAR=var2 PORT=8001."
        ) from None
    return lock


def keep_settings(var: Path, port: int, smtp_port: int) -> None:
    """Write `settings.env`: what is missing is added, what names a port follows, the rest stays.

    A PUBLIC_URL or SUBMISSION_LISTEN that somebody wrote there themselves stays as well.
    """
    file = var / SETTINGS_FILE
    before = file.read_text() if file.exists() else ""
    text = _OWN_PUBLIC_URL.sub(f"PUBLIC_URL=http://localhost:{port}", before)
    text = _OWN_LISTEN.sub(f"SUBMISSION_LISTEN=127.0.0.1:{smtp_port}", text)
    there = set(_NAME.findall(text))
    missing = {
        name: value for name, value in _generated(port, smtp_port).items() if name not in there
    }
    if text and not text.endswith("\n"):
        text += "\n"
    text += "".join(f"{name}={value}\n" for name, value in missing.items())
    if text != before:
        write_private(file, text)


def _generated(port: int, smtp_port: int) -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TRACKING_KEYS": secrets.token_urlsafe(32),
        "ENCRYPTION_KEYS": secrets.token_urlsafe(32),
        "PUBLIC_URL": f"http://localhost:{port}",
        "MAIL_TRANSPORT": "capture",
        "SUBMISSION_LISTEN": f"127.0.0.1:{smtp_port}",
        "SUBMISSION_AUTH_IN_CLEAR": "true",
        "ALLOW_ANY_FROM": "true",
        "LOG_FORMAT": "text",
    }


def write_private(file: Path, text: str) -> None:
    """Replace `file` at once by one that only its owner can read."""
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    partial.rename(file)
