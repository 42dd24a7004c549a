"""SQLite can't write any more: what is accepted is there, and what is not there was refused."""

import resource

import pytest

from tests.servers import children
from tests.system import System


@pytest.fixture
def system(tmp_path):
    with System(tmp_path / "var") as running:
        running.start_web()
        yield running


def let_files_grow_to(system, size):
    """No file of the web processes may grow past `size` bytes; they are told so by write()."""
    parent = system.processes["web"].pid
    for pid in [parent, *children(parent)]:
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def test_full_disk_gives_an_error_and_never_a_202_without_a_row(system):
    accepted = [system.post()]
    written = sum(file.stat().st_size for file in system.folder.glob("db.sqlite3*"))
    let_files_grow_to(system, written // 2 // 4096 * 4096)
    refused = [answer for answer in (system.post() for _ in range(5)) if answer.status_code != 202]
    assert refused
    assert {answer.json()["error"]["code"] for answer in refused} <= {"unavailable", "server_error"}
    let_files_grow_to(system, resource.RLIM_INFINITY)
    accepted.append(system.post())
    assert {answer.status_code for answer in accepted} == {202}
    kept = {public_id for (public_id,) in system.query("SELECT public_id FROM emails")}
    assert {answer.json()["message_id"] for answer in accepted} <= kept
    assert len(kept) == 2 + 5 - len(refused)
