"""docker-compose.yml as it stands: both Composes can read it, and nothing secret is in it."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.compose import FILE, ROOT, NotSet, interpolated, read_env_file, services

# What the Compose specification, Compose v2 and docker-compose 1.29.2 all know.
TOP_KEYS = {"services", "volumes"}
SERVICE_KEYS = {
    *("build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init"),
    *("ports", "restart", "security_opt", "shm_size", "stop_grace_period", "volumes"),
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}

# Settings that a container has no use for, or that the image sets.
NOT_OF_CONTAINERS = {
    "VAR",
    "METRICS_ROOT",
    "STATIC_COLLECTED",
    "DEBUG",
    "LOOK_SECONDS",
    "DRAIN_SECONDS",
}
# Those that lead to services of the file.
OF_SERVICES = {"DATABASE_URL", "REDIS_URL"}


@pytest.fixture
def example() -> dict[str, str]:
    return read_env_file(ROOT / ".env.example")


def document() -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load(FILE.read_text())


def test_only_keys_that_both_composes_know_are_used() -> None:
    read = document()
    assert {key for key in read if not key.startswith("x-")} == TOP_KEYS
    for service in read["services"].values():
        assert set(service) <= SERVICE_KEYS
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS
        for condition in service.get("depends_on", {}).values():
            assert set(condition) == {"condition"}
            assert condition["condition"] in CONDITIONS


@pytest.mark.program("docker-compose")
def test_docker_compose_reads_the_file_as_we_do(example: dict[str, str]) -> None:
    program = shutil.which("docker-compose")
    assert program, "docker-compose is not installed"
    command = [program, "--env-file", ".env.example", "config"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = yaml.safe_load(done.stdout)["services"]
    ours = services(example)
    assert set(theirs) == set(ours)
    for name, service in ours.items():
        assert theirs[name].get("environment") == service.get("environment")
        assert theirs[name].get("command") == service.get("command")


@pytest.mark.parametrize(
    "name",
    [
        *("SECRET_KEY", "TRACKING_KEYS", "ENCRYPTION_KEYS"),
        *("POSTGRES_PASSWORD", "STAFF_PASSWORD", "PUBLIC_URL"),
    ],
)
def test_missing_secret_stops_the_start_with_a_hint(example: dict[str, str], name: str) -> None:
    with pytest.raises(NotSet, match=f"{name}: (run make env|set it in .env)"):
        services(example | {name: ""})


def test_no_secret_has_a_default_or_stands_in_the_files() -> None:
    secret = re.compile(r"(SECRET|PASSWORD|KEYS?)\b")
    defaults = re.findall(r"\$\{(\w+):-[^}]+\}", FILE.read_text())
    assert [name for name in defaults if secret.search(name)] == []
    assert ".env" not in (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"**/.env", "**/.env.*", "/var*", ".git"} <= set(ignored)


def test_every_setting_can_be_set_in_the_env_file(example: dict[str, str]) -> None:
    source = (ROOT / "mailer" / "settings.py").read_text()
    known = set(re.findall(r'environment\.\w+\(\s*"([A-Z0-9_]+)"', source)) - NOT_OF_CONTAINERS
    assert len(known) > 20
    assert known - set(services(example)["worker"]["environment"]) == set()
    for name in known - OF_SERVICES:
        assert services(example | {name: "17"})["worker"]["environment"][name] == "17", name


def test_images_are_pinned(example: dict[str, str]) -> None:
    images = {service["image"] for service in services(example).values()}
    base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for image in [*images, *base]:
        assert re.search(r":\d+\.\d+", image), image


def test_worker_can_be_scaled(example: dict[str, str]) -> None:
    worker = services(example)["worker"]
    assert {"container_name", "ports"} & set(worker) == set()
    assert all(volume.endswith(":ro") for volume in worker.get("volumes", []))
    assert "worker@%h" in worker["command"]


def test_image_and_service_start_the_web_server_alike(example: dict[str, str]) -> None:
    said = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert said
    assert yaml.safe_load(said[1]) == services(example)["web"]["command"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("${A:-2}", "1"),
        ("${NONE:-2}", "2"),
        ("${EMPTY:-2}", "2"),
        ("${NONE:-}", ""),
        ("a${A}b${NONE:-http://s3:8333}", "a1bhttp://s3:8333"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, value: str) -> None:
    assert interpolated({"x": [text]}, {"A": "1", "EMPTY": ""}) == {"x": [value]}


def test_doctor_is_run_where_the_certificate_is_seen() -> None:
    written = "".join((ROOT / name).read_text() for name in ("README.md", "docs/operating.md"))
    named = re.findall(r"docker compose run --rm (\S+) python manage\.py doctor", written)
    assert named
    for service in named:
        mounts = [str(volume) for volume in document()["services"][service].get("volumes", [])]
        assert any(mount.startswith("./tls:/run/tls") for mount in mounts), service
