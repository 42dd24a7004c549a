"""`manage.py mailserver` as a process: it takes mail in, says what is wrong, and ends in order."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from delivery.smtp.tests.certificates import make_certificate
from delivery.smtp.tests.returned import away, dsn
from tests.servers import free_port
from tests.system import ROOT, System, wait_until

ROLE = "abuse@bounces.example.com"


class Machine(System):
    """The whole platform, with a mail server."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.inbound = free_port()
        listen = {"INBOUND_LISTEN": f"127.0.0.1:{self.inbound}"}
        listen["RETURN_PATH_DOMAIN"] = "bounces.example.com"
        super().__init__(folder, **(listen | settings))

    def command(self, *arguments: str) -> list[str]:
        if arguments == ("mailserver",):
            return [sys.executable, "manage.py", "mailserver"]
        return super().command(*arguments)

    def start_mailserver(self) -> None:
        """Start it and wait until it greets."""
        self.start("mailserver", "mailserver")
        wait_until(self.greets, 30)

    def greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.inbound), timeout=5) as client:
                return client.recv(3) == b"220"
        except OSError:
            return False

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.inbound, "mx.example.net", timeout=60)

    def deliver(self, address: str, content: bytes) -> int:
        """Deliver as another server does; return the code of the answer to the message."""
        with self.client() as client:
            client.ehlo()
            client.mail("")
            code, _ = client.rcpt(address)
            return client.data(content)[0] if code == 250 else code

    def kept(self) -> str:
        count = "from delivery.models import InboundMessage as M; print(M.objects.count())"
        return self.manage("shell", "--no-imports", "-c", count).strip()


@pytest.fixture
def machine(tmp_path):
    with Machine(tmp_path / "var") as running:
        yield running


def test_mail_server_takes_mail_shows_life_and_drains(machine) -> None:
    machine.start_mailserver()
    assert machine.deliver(ROLE, away(fields="")) == 250
    assert machine.deliver("ann@example.org", away()) == 550
    wait_until((machine.folder / "mailserver.alive").exists, 30)
    idle = machine.client()
    process = machine.processes["mailserver"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert idle.getreply()[0] == 421
    assert machine.kept() == "1"
    log = machine.log("mailserver").read_text()
    assert '"message": "listening"' in log
    assert "mail server drained" in log
    assert "Traceback" not in log


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts memory by /proc")
def test_many_odd_connections_leave_no_memory_behind(machine) -> None:
    machine.start_mailserver()
    sizes = []
    for _ in range(4):
        for _ in range(30):
            _say_rubbish(machine.inbound)
        wait_until(lambda: machine.deliver(ROLE, away(fields="")) == 250, 30)
        sizes.append(_resident(machine.processes["mailserver"].pid))
    # kB; a connection that stays has some 50, and each round has 240
    assert sizes[-1] - sizes[1] < 8_000, sizes


def _say_rubbish(port: int) -> None:
    """Eight connections at once, some of them too early."""
    clients = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(8)]
    for number, client in enumerate(clients):
        if number % 4:
            client.recv(3)
        client.sendall(os.urandom(2000))
    for client in clients:
        client.close()


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def _sentence(environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "mailserver"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    [*_, last] = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    return last


def test_what_keeps_it_from_listening_is_said_in_a_sentence(tmp_path) -> None:
    machine = Machine(tmp_path)
    environment = machine.environment
    assert "Set INBOUND_LISTEN" in _sentence(environment | {"INBOUND_LISTEN": ""})
    with socket.create_server(("127.0.0.1", machine.inbound)):
        assert f"can't listen at 127.0.0.1:{machine.inbound}" in _sentence(environment)
    files = {"TLS_CERT_FILE": "/nowhere/cert.pem", "TLS_KEY_FILE": "/nowhere/key.pem"}
    assert "TLS_CERT_FILE=/nowhere/cert.pem" in _sentence(environment | files)


def test_changed_certificate_is_taken_up_and_a_broken_one_is_not(tmp_path, monkeypatch) -> None:
    from delivery.listeners import certificate

    monkeypatch.setattr(certificate, "LOOK_SECONDS", 0.0)
    made = make_certificate(tmp_path, "127.0.0.1")
    ours = certificate.Certificate(Path(made.chain), Path(made.key))
    first = _presented(ours, made.chain)
    Path(made.chain).write_text("no certificate")
    assert _presented(ours, None) == first
    time.sleep(0.01)
    again = make_certificate(tmp_path, "127.0.0.1")
    assert _presented(ours, again.chain) != first


def _presented(ours, trusted: str | None) -> bytes:
    """Shake hands over a pair of sockets and return the certificate that is shown."""
    import ssl
    import threading

    client_side, server_side = socket.socketpair()
    context = ssl.create_default_context(cafile=trusted)
    if trusted is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def serve() -> None:
        with ours.context().wrap_socket(server_side, server_side=True) as tls:
            tls.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    with context.wrap_socket(client_side, server_hostname="127.0.0.1") as tls:
        shown = tls.getpeercert(binary_form=True)
        tls.sendall(b"x")
    thread.join()
    assert shown
    return shown


@pytest.mark.parametrize("how", ["killed", "paused"])
@pytest.mark.services
def test_while_the_database_is_away_mail_is_asked_to_come_again(tmp_path, postgres, how) -> None:
    settings = {"DATABASE_URL": postgres.url, "DATABASE_ANSWER_SECONDS": "3"}
    with Machine(tmp_path / "var", **settings) as machine:
        machine.start_mailserver()
        before = int(machine.kept())
        assert machine.deliver(ROLE, away(fields="")) == 250
        _ = postgres.kill() if how == "killed" else postgres.pause()
        for _ in range(3):
            assert machine.deliver(ROLE, dsn()) == 451
        assert machine.greets()
        _ = postgres.start() if how == "killed" else postgres.resume()
        wait_until(lambda: machine.deliver(ROLE, dsn()) == 250, 60)
        assert int(machine.kept()) >= before + 2
