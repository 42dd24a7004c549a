"""`make env`, as somebody runs it who has nothing but make and Python."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailer.development.programs import ROOT

FILES = ("Makefile", ".env.example", "mailer/env_file.py")
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def make_env(clone: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "env"]
    return subprocess.run(command, cwd=clone, env=BARE, capture_output=True, text=True, check=False)


def values(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_secret_is_made_and_safe_everywhere(clone: Path) -> None:
    done = make_env(clone)
    assert done.returncode == 0, done.stderr
    example, made = values(clone / ".env.example"), values(clone / ".env")
    secret = {name for name, value in example.items() if value == "generate"}
    assert len(secret) >= 5
    assert {name for name in made if made[name] != example[name]} == secret
    assert len({made[name] for name in secret}) == len(secret)
    for name in secret:
        assert re.fullmatch(r"[0-9A-Za-z]{32,}", made[name])
    assert "generate" not in made.values()


def test_only_the_owner_can_read_it(clone: Path) -> None:
    before = os.umask(0)
    try:
        make_env(clone)
    finally:
        os.umask(before)
    assert (clone / ".env").stat().st_mode & 0o777 == 0o600


def test_existing_file_is_kept_and_the_reason_said(clone: Path) -> None:
    (clone / ".env").write_text("SECRET_KEY=ours\n")
    done = make_env(clone)
    assert done.returncode != 0
    assert done.stderr.startswith("error: .env is there already and stays as it is.")
    assert "Traceback" not in done.stderr
    assert (clone / ".env").read_text() == "SECRET_KEY=ours\n"


def test_two_machines_share_no_secret(clone: Path) -> None:
    make_env(clone)
    first = values(clone / ".env")
    (clone / ".env").unlink()
    make_env(clone)
    second = values(clone / ".env")
    assert all(
        first[name] != second[name] for name in ("SECRET_KEY", "TRACKING_KEYS", "ENCRYPTION_KEYS")
    )


def test_nothing_but_the_file_is_left_behind(clone: Path) -> None:
    make_env(clone)
    files = {str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file()}
    assert files == {*FILES, ".env"}
