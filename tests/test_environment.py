"""Which tests a run takes, and what it says about that."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = """
import pytest

def test_pure(): pass

@pytest.mark.django_db
def test_with_database(): pass

@pytest.mark.services
def test_with_services(): pass

def test_with_a_server_of_its_own(redis): pass
"""

USES_EVERYTHING = """
import os, pathlib
import pytest
from django.db import connection

class Base:
    @pytest.mark.django_db
    def test_what_it_uses(self):
        used = [os.environ[name] for name in ("VAR", "DATABASE_URL", "REDIS_URL")]
        used.append(connection.settings_dict["NAME"])
        pathlib.Path(__file__).with_name(f"used-{os.getpid()}").write_text("\\n".join(used))

class TestOne(Base): pass
class TestTwo(Base): pass
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    file = tmp_path / "test_sample.py"
    file.write_text(SAMPLE)
    return file


def collect(sample: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return run(sample, "--collect-only", **settings)


def run(sample: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TEST_SERVICES", "REQUIRE_SERVICES")
    }
    # The fixtures of conftest.py are those of the project.
    command = ["-m", "pytest", "-p", "conftest", "--rootdir", str(ROOT), "-c", "pytest.ini"]
    return subprocess.run(
        [sys.executable, *command, *options, "-p", "no:cacheprovider", str(sample)],
        cwd=ROOT,
        env=inherited | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def taken(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"<Function (\w+)>", done.stdout))


def test_embedded_run_takes_all_but_what_needs_services(sample: Path) -> None:
    done = collect(sample)
    assert taken(done) == {"test_pure", "test_with_database"}
    assert "2 deselected" in done.stdout
    assert "database: SQLite, broker: embedded; PostgreSQL and Redis: " in done.stdout


@pytest.mark.services
def test_run_on_services_takes_all_but_what_would_tell_nothing_new(sample: Path) -> None:
    done = collect(sample, TEST_SERVICES="1")
    assert taken(done) == {
        "test_with_database",
        "test_with_services",
        "test_with_a_server_of_its_own",
    }
    assert "database: PostgreSQL " in done.stdout
    assert "broker: Redis " in done.stdout


@pytest.mark.parametrize("demand", ["TEST_SERVICES", "REQUIRE_SERVICES"])
def test_missing_programs_fail_a_run_that_needs_them(sample: Path, demand: str) -> None:
    done = collect(sample, PATH="/nowhere", **{demand: "1"})
    assert done.returncode != 0
    assert "PostgreSQL and Redis are needed; not found: " in done.stdout + done.stderr
    assert "redis-server" in done.stdout + done.stderr


def test_missing_programs_are_named_by_the_embedded_run(sample: Path) -> None:
    done = collect(sample, PATH="/nowhere")
    assert taken(done) == {"test_pure", "test_with_database"}
    assert "PostgreSQL and Redis: not found (" in done.stdout


IN_FILE, IN_TEST = "if True:\n", "def test_away():\n"


@pytest.mark.parametrize(
    ("demand", "processes", "place", "status"),
    [
        ("", "0", IN_TEST, 0),
        ("1", "0", IN_TEST, 1),
        ("1", "2", IN_TEST, 1),
        ("1", "2", IN_FILE, 1),
    ],
)
def test_skipped_test_fails_only_a_run_that_must_be_whole(
    sample: Path, demand: str, processes: str, place: str, status: int
) -> None:
    another = sample.with_name("test_another.py")
    another.write_text(f"import pytest\n{place}    pytest.importorskip('no_such_module')\n")
    done = run(another, "-n", processes, str(sample), REQUIRE_SERVICES=demand)
    assert "2 passed, 1 skipped" in done.stdout
    assert done.returncode == status
    assert ("a skipped test is a failure" in done.stdout) == bool(demand)


@pytest.mark.parametrize("processes", ["0", "2"])
def test_selecting_only_tests_of_the_other_run_is_no_failure(sample: Path, processes: str) -> None:
    done = run(sample, "-k", "services", "-n", processes)
    assert " passed" not in done.stdout
    assert done.returncode == 0


@pytest.mark.services
def test_each_process_of_a_run_has_servers_and_a_folder_of_its_own(sample: Path) -> None:
    sample.write_text(USES_EVERYTHING)
    done = run(sample, "-n", "2", "--dist", "loadscope", TEST_SERVICES="1")
    assert "2 passed" in done.stdout
    first, second = (file.read_text().split() for file in sorted(sample.parent.glob("used-*")))
    assert not set(first) & set(second)


@pytest.mark.parametrize(("demand", "names"), [("", set()), ("1", {"test_with_a_program"})])
def test_missing_program_leaves_its_tests_out_unless_the_run_must_be_whole(
    sample: Path, demand: str, names: set[str]
) -> None:
    mark = "import pytest\n@pytest.mark.program('no-such-program')\n"
    sample.write_text(mark + "def test_with_a_program(): pass\n")
    assert taken(collect(sample, REQUIRE_SERVICES=demand)) == names
