"""On SQLite a mail is on the disk before its 202 leaves: the system calls themselves say so."""

import re

import pytest

from tests.system import System

# -D: strace stands aside, and a signal reaches the web server itself.
STRACE = ("strace", "-D", "-f", "-y", "-s", "2000")
CALLS = "recvfrom,recvmsg,read,pwrite64,pwritev,fsync,fdatasync,sendto,sendmsg,write,writev"
WRITTEN = re.compile(r"pwritev?(64)?\(\d+<[^>]*-wal>")
SYNC_BEGINS = re.compile(r"^(\d+) +f(data)?sync\(\d+<[^>]*-wal> <unfinished")
SYNC_ENDS = re.compile(r"^(\d+) +<\.\.\. f(data)?sync resumed>\) += 0$")
SYNCED = re.compile(r"f(data)?sync\(\d+<[^>]*-wal>\) += 0$")
MAILS = 5


class Traced(System):
    """A platform whose web processes run under strace."""

    def command(self, *arguments):
        file = str(self.folder / "trace")
        return [*STRACE, "-o", file, "-e", f"trace={CALLS}", *super().command(*arguments)]


def before_each_202(lines):
    """Return what was done to the write-ahead log between each request and its 202.

    `written`, and `synced` where a sync returned 0. The client asks for one thing at a time, so
    that all of it belongs to that request.
    """
    answers, deeds, syncing = [], [], set()
    for line in lines:
        if '"POST /api/emails HTTP' in line:
            deeds = []
        elif WRITTEN.search(line):
            deeds.append("written")
        elif begins := SYNC_BEGINS.match(line):
            syncing.add(begins[1])
        elif SYNCED.search(line) or ((ends := SYNC_ENDS.match(line)) and ends[1] in syncing):
            deeds.append("synced")
        elif '"HTTP/1.1 202 ' in line:
            answers.append(tuple(deeds))
    return answers


def is_durable(deeds):
    """Whether something was written, and nothing after the last sync that returned."""
    return "written" in deeds and deeds[-1] == "synced"


@pytest.mark.program("strace")
def test_write_ahead_log_is_synced_between_each_request_and_its_202(tmp_path):
    with Traced(tmp_path / "var") as system:
        system.start_web()
        answers = [system.post() for _ in range(MAILS)]
        system.stop("web")
        lines = (system.folder / "trace").read_text(errors="replace").splitlines()
    assert {answer.status_code for answer in answers} == {202}
    assert [is_durable(deeds) for deeds in before_each_202(lines)] == [True] * MAILS


POST = '1 recvfrom(22<socket:[9]>, "POST /api/emails HTTP/1.1"..., 15732, 0, NULL, NULL) = 429'
WRITE = '2 pwrite64(24</var/db.sqlite3-wal>, "\\0"..., 4096, 61832) = 4096'
BEGUN = "2 fdatasync(24</var/db.sqlite3-wal> <unfinished ...>"
ENDED = "2 <... fdatasync resumed>) = 0"
OF_ANOTHER = "3 <... fdatasync resumed>) = 0"
BROKEN = "2 <... fdatasync resumed>) = -1 EIO (Input/output error)"
WHOLE = "2 fdatasync(24</var/db.sqlite3-wal>) = 0"
OF_ANOTHER_FILE = "2 fdatasync(25</var/db.sqlite3>) = 0"
ANSWER = '1 writev(22<socket:[9]>, [{iov_base="HTTP/1.1 202 Accepted"}], 1) = 280'


@pytest.mark.parametrize(
    ("lines", "durable"),
    [
        ([POST, WRITE, WHOLE, ANSWER], True),
        ([POST, WRITE, BEGUN, ENDED, ANSWER], True),
        ([POST, WRITE, ANSWER], False),
        ([POST, WRITE, ANSWER, WHOLE], False),
        ([POST, WRITE, BEGUN, ANSWER, ENDED], False),
        ([POST, WRITE, BEGUN, BROKEN, ANSWER], False),
        ([POST, WRITE, BEGUN, OF_ANOTHER, ANSWER], False),
        ([POST, WRITE, OF_ANOTHER_FILE, ANSWER], False),
        ([POST, WRITE, WHOLE, WRITE, ANSWER], False),
        ([WRITE, WHOLE, POST, ANSWER], False),
    ],
)
def test_trace_is_read_right(lines, durable):
    assert [is_durable(deeds) for deeds in before_each_202(lines)] == [durable]
