"""The leash: a program ends with its holder, whatever either of them does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer.development.programs import LEASH

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(60)"
TALKING = "import time\nwhile True: print('x' * 9000); time.sleep(0.001)"
WITH_CHILD = (
    "import subprocess, sys, time;"
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid);"
    "time.sleep(60)"
)
WITH_STUBBORN_CHILD = WITH_CHILD.replace(
    "import time; time.sleep(60)",
    "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)",
)
HOLDER = """
import subprocess, sys, time
subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)
time.sleep(60)
"""


def leash(program: str, grace: float = 5.0) -> list[str]:
    python = [sys.executable, "-u", "-c", program]
    return [sys.executable, "-I", "-S", str(LEASH), "name", str(grace), *python]


def start(program: str, grace: float = 5.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        leash(program, grace), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has buried yet does not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def after_name(line: str) -> str:
    assert line.startswith("name | ")
    return line.removeprefix("name | ").strip()


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 128 + 9),
    ],
)
def test_status_of_the_program_is_passed_on(program: str, status: int) -> None:
    assert start(program).wait(20) == status


def test_each_line_is_passed_on_behind_the_name() -> None:
    process = start("print('one'); import sys; sys.stderr.write('two\\n')")
    assert sorted(process.stdout or []) == ["name | one\n", "name | two\n"]


def test_program_ends_when_the_holder_lets_go() -> None:
    process = start("print('up'); import time; time.sleep(60)")
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    process.stdin.close()
    assert process.wait(20) == 128 + signal.SIGTERM


def test_program_that_ignores_the_request_is_killed_after_the_grace() -> None:
    process = start(STUBBORN, grace=0.2)
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    process.stdin.close()
    assert process.wait(20) == 128 + signal.SIGKILL


@pytest.mark.parametrize("program", [WITH_CHILD, WITH_STUBBORN_CHILD])
def test_what_the_program_started_ends_with_it(program: str) -> None:
    process = start(program)
    assert process.stdin
    assert process.stdout
    grandchild = int(after_name(process.stdout.readline()))
    assert alive(grandchild)
    process.stdin.close()
    process.wait(20)
    assert eventually(lambda: not alive(grandchild))


def test_program_ends_when_its_holder_is_killed(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    program = f"import os, time; open({str(noted)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, *leash(program)])
    assert eventually(lambda: noted.exists() and noted.read_text() != "")
    pid = int(noted.read_text())
    assert alive(pid)
    holder.kill()
    holder.wait()
    assert eventually(lambda: not alive(pid))


def test_program_does_not_stall_when_nobody_reads_its_lines() -> None:
    process = start(TALKING)
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.stdin.close()
    assert process.wait(20) == 128 + signal.SIGTERM


def test_leash_that_is_asked_to_end_ends_the_program() -> None:
    process = start("import os; print(os.getpid()); import time; time.sleep(60)")
    assert process.stdout
    pid = int(after_name(process.stdout.readline()))
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    assert not alive(pid)
