"""The README's commands, copied as they stand, do what it says."""

import email
import email.policy
import json
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.mail import send_mail

from mailer.tests.running import Run
from tests.servers import free_port
from tests.system import wait_until

ROOT = Path(__file__).resolve().parent.parent


def blocks():
    """Every shell block of the README before the part for staff."""
    text = (ROOT / "README.md").read_text().split("## Staff")[0]
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def commands():
    """Those that talk to the API."""
    return [block for block in blocks() if "localhost:8000/api" in block]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    (folder / "docs").symlink_to(ROOT / "docs")
    run = Run(folder / "var", free_port())
    try:
        run.until_ready()
        (folder / "port").write_text(str(run.port))
        (folder / "smtp-port").write_text(str(run.smtp_port))
        yield folder
    finally:
        run.kill_all()


def pasted(folder, command):
    """Run a block in a shell, at the port of this run; return the JSON of its last answer."""
    port = (folder / "port").read_text()
    script = command.replace("localhost:8000", f"localhost:{port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_command_is_accepted(folder):
    answers = [pasted(folder, command) for command in commands()]
    assert not [answer for answer in answers if "error" in answer]
    sent, shown, cancelled, templated, attached, batch = answers
    assert sent["status"] == templated["status"] == attached["status"] == "queued"
    assert shown["events"][0]["type"] == "queue"
    assert cancelled == {"success": True, "message": "Scheduled email cancelled"}
    assert [item["status"] for item in batch["data"]] == ["queued", "queued"]
    assert pasted(folder, commands()[-1]) == batch
    for answer in (sent, templated, attached, *batch["data"]):
        wait_until(lambda answer=answer: captured(folder, answer["message_id"]), 20)
    parts = list(captured(folder, attached["message_id"]).iter_attachments())
    assert parts[0].get_content() == (ROOT / "docs/images/inbox.png").read_bytes()


def test_command_that_adds_a_domain_shows_its_records(folder):
    section = (ROOT / "README.md").read_text().split("## Send from your own domain")[1]
    command = re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]
    answer = pasted(folder, command)
    assert (answer["name"], answer["verified"]) == ("shop.example.com", False)
    assert {"dkim", "return_path", "spf", "dmarc"} <= {r["purpose"] for r in answer["records"]}


def captured(folder, message_id):
    for path in (folder / "var/outbox").glob(f"{message_id}-*.eml"):
        return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return None


@pytest.mark.program("swaks")
def test_command_that_sends_by_smtp_is_accepted(folder):
    [command] = [block for block in blocks() if block.startswith("swaks ")]
    port = (folder / "smtp-port").read_text()
    script = command.replace("127.0.0.1:2525", f"127.0.0.1:{port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    message_id = re.search(r"Accepted as (msg_\w+)", done.stdout.decode())[1]
    wait_until(lambda: captured(folder, message_id), 20)
    html = captured(folder, message_id).get_body(("html",)).get_content()
    assert "/t/c/" in html


def test_settings_of_django_are_those_of_its_smtp_backend(folder, settings):
    text = (ROOT / "README.md").read_text()
    [block] = re.findall(r"```python\n(EMAIL_HOST.*?)```", text, re.DOTALL)
    given = {}
    exec(block, given)
    port, key = (folder / "smtp-port").read_text(), (folder / "var/api-key").read_text().strip()
    given |= {"EMAIL_PORT": int(port), "EMAIL_HOST_PASSWORD": key}
    for name, value in given.items():
        if name.startswith("EMAIL_"):
            setattr(settings, name, value)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert send_mail("Your order", "Hi", "shop@example.com", ["ann@example.org"]) == 1


class NotFollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def test_link_leads_to_its_target_and_both_events_are_told(folder):
    message_id = pasted(folder, commands()[0])["message_id"]
    wait_until(lambda: captured(folder, message_id), 20)
    html = captured(folder, message_id).get_body(("html",)).get_content()
    link = re.search(r'href="([^"]+/t/c/[^"]+)"', html)[1]
    pixel = re.search(r'src="([^"]+/t/o/[^"]+)"', html)[1]
    with urllib.request.urlopen(pixel, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "image/gif"
    with pytest.raises(urllib.error.HTTPError) as redirect:
        urllib.request.build_opener(NotFollowed).open(link, timeout=10)
    assert redirect.value.code == 302
    assert redirect.value.headers["Location"] == "https://example.com/track?id=1&lang=en"
    assert {"queue", "deliver", "open", "click"} <= set(told(folder, message_id))


def told(folder, message_id):
    port, key = (folder / "port").read_text(), (folder / "var/api-key").read_text().strip()
    request = urllib.request.Request(
        f"http://localhost:{port}/api/emails/{message_id}",
        headers={"Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [event["type"] for event in json.load(answer)["events"]]


def test_command_that_make_run_prints_works(folder):
    run = Run(folder / "another", free_port())
    try:
        run.until_ready()
        done = subprocess.run(["bash", "-c", run.pasted()], capture_output=True, check=True)
        message_id = json.loads(done.stdout)["message_id"]
        wait_until(lambda: list((folder / "another/outbox").glob(f"{message_id}-*.eml")), 20)
    finally:
        run.kill_all()
