"""`python -m mailer.development`: what `make run` starts. Its settings: PORT, SMTP_PORT, VAR."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType

import django

from mailer.development.generated import claim_folder, data_folder, keep_settings
from mailer.development.port import first_free, free_port
from mailer.development.programs import HOST, ROOT, Leashed, programs
from mailer.environment import one_sentence

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SMTP_PORTS = range(2525, 2545)
LOOK_SECONDS = 0.1
READY_SECONDS = 60.0


class Stopped(Exception):
    """Somebody asked us to stop."""


def main() -> None:
    """Run until a signal comes; exits with a sentence when something is wrong or ends."""
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        with one_sentence():
            run()
    except Stopped:
        say("stopped")


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def run() -> None:
    """Check, prepare, start and watch. Raises ImproperlyConfigured, SystemExit or Stopped."""
    port, smtp_port = free_port(os.environ.get("PORT") or "8000"), free_smtp_port()
    var = data_folder(ROOT / (os.environ.get("VAR") or "var"))
    os.environ |= {"VAR": str(var), "DJANGO_SETTINGS_MODULE": "mailer.settings"}
    with claim_folder(var):
        keep_settings(var, port, smtp_port)
        greeting = prepared(var)
        children: list[Leashed] = []
        try:
            children.extend(Leashed(program) for program in programs(port))
            wait_until_ready(port, children)
            wait_until_listening(smtp_port, children)
            say(greeting)
            while True:
                watch(children)
        finally:
            stop(children)


def free_smtp_port() -> int:
    """Return what SMTP_PORT says, or the first of a few that is free: several may run here."""
    said = os.environ.get("SMTP_PORT")
    return free_port(said, "SMTP_PORT") if said else first_free(SMTP_PORTS, "SMTP_PORT")


def prepared(var: Path) -> str:
    """Return the welcome, with the database up to date behind it."""
    django.setup()
    # Models can be imported only now.
    from django.conf import settings  # noqa: PLC0415

    from mailer.development.prepare import prepare  # noqa: PLC0415
    from mailer.development.welcome import welcome  # noqa: PLC0415

    access = prepare(var)
    smtp = ", ".join(f"{host}:{port}" for host, port in settings.SUBMISSION_LISTEN)
    inbox = settings.MAIL_TRANSPORT == "capture"
    return welcome(settings.PUBLIC_URL, smtp, var, access, inbox=inbox)


def wait_until_ready(port: int, children: list[Leashed]) -> None:
    """Return once the web server answers."""
    deadline = time.monotonic() + READY_SECONDS
    while not answers(port):
        watch(children)
        if time.monotonic() > deadline:
            sys.exit("error: the web server does not answer; everything was stopped.")


def wait_until_listening(port: int, children: list[Leashed]) -> None:
    """Return once the mail server takes connections, or where it listens elsewhere."""
    # What somebody wrote into settings.env themselves can be known only now.
    from django.conf import settings  # noqa: PLC0415

    deadline = time.monotonic() + READY_SECONDS
    while (HOST, port) in settings.SUBMISSION_LISTEN and not listens(port):
        watch(children)
        if time.monotonic() > deadline:
            sys.exit("error: the mail server does not answer; everything was stopped.")


def listens(port: int) -> bool:
    """Tell whether somebody takes connections."""
    try:
        socket.create_connection((HOST, port), timeout=5).close()
    except OSError:
        return False
    return True


def answers(port: int) -> bool:
    """Tell whether `/healthz` is answered."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def watch(children: list[Leashed]) -> None:
    """Look whether every child runs, and wait a moment; raises SystemExit when one has ended."""
    for child in children:
        if child.status is not None:
            sys.exit(
                f"error: {child.name} ended by itself (status {child.status}; its last lines are "
                "above), so everything was stopped. Start it again: make run"
            )
    time.sleep(LOOK_SECONDS)


def stop(children: list[Leashed]) -> None:
    """End every child and wait for it; a second Ctrl-C changes nothing, since they end in time."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for child in children:
        child.let_go()
    for child in children:
        child.wait()


def say(text: str) -> None:
    """Print to the terminal at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
