"""A world in which everything is right: DNS, a sending domain, a mail server, a web server."""

import http.server
import io
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import DkimKey, SendingDomain
from accounts.tests.factories import make_domain
from delivery.domains import checking
from delivery.domains.policy import PATH, policy_of
from delivery.domains.tests.zones import publish
from delivery.smtp.tests.certificates import make_certificate
from delivery.smtp.tests.scripted import ScriptedServer
from tests.dns_server import DnsServer, Zone

DOMAIN = "shop.example"
HELO = "mail.example.net"
PUBLIC = "click.example.net"
ADDRESS = "192.0.2.1"
PTR = "1.2.0.192.in-addr.arpa"
PROBE = "big.example"


class Web(http.server.BaseHTTPRequestHandler):
    """A web process of ours; a test changes what the server answers."""

    def do_GET(self):
        self.server.asked.append(self.path)
        bodies = {"/healthz": self.server.body, PATH: self.server.policy}
        body = bodies.get(self.path, self.server.pixel)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def date_time_string(self, timestamp=None):
        return self.server.date or super().date_time_string(timestamp)

    def log_message(self, *args):
        """Say nothing."""


@dataclass
class World:
    """What a test breaks."""

    zone: Zone
    settings: Any
    web: Any
    mail: ScriptedServer
    domain: SendingDomain
    folder: Any
    arguments: list[str] = field(default_factory=list)

    @property
    def key(self) -> DkimKey:
        return self.domain.dkim_keys.get()

    def replace(self, name, kind, *values):
        self.zone.remove(name, kind)
        if values:
            self.zone.add(name, kind, *values)

    def certificate(self, *, trusted=True, **options):
        certificate = make_certificate(self.folder, **options)
        self.settings.TLS_CERT_FILE = certificate.chain
        self.settings.TLS_KEY_FILE = certificate.key
        if trusted:
            self.trust(certificate.chain)

    def trust(self, root):
        """Take a certificate for one of an authority that everybody knows."""
        with roots_of(self.folder).open("ab") as roots:
            roots.write(Path(root).read_bytes())


def roots_of(folder):
    """The file of the authorities that this machine trusts."""
    return folder / "roots.pem"


@pytest.fixture(scope="module")
def dns_server():
    with DnsServer() as server:
        yield server


@contextmanager
def serving(context=None):
    """A web server on loopback, by https with a context."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.status, server.body, server.date = 200, b'{"status": "ok"}', ""
    server.pixel, server.policy, server.asked = b"GIF89a", policy_of(HELO).encode(), []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web(tmp_path, monkeypatch):
    (tmp_path / "web").mkdir()
    certificate = make_certificate(tmp_path / "web", names=[PUBLIC])
    roots_of(tmp_path).write_bytes(Path(certificate.chain).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(roots_of(tmp_path)))
    with serving(certificate.server_context()) as server:
        yield server


@pytest.fixture
def world(dns_server, web, settings, tmp_path, db):
    zone = dns_server.zone
    zone.clear()
    settings.DNS_SERVERS = [dns_server.address]
    settings.HELO_NAME, settings.SENDING_ADDRESSES = HELO, [ADDRESS]
    settings.PUBLIC_URL = f"https://{PUBLIC}:{web.server_port}"
    settings.INBOUND_LISTEN, settings.MAIL_TRANSPORT = [("127.0.0.1", 25)], "mx"
    zone.add(HELO, "A", ADDRESS).add("out.example.net", "A", ADDRESS)
    zone.add(PTR, "PTR", "out.example.net")
    zone.add(PUBLIC, "A", "127.0.0.1")
    zone.add(PROBE, "MX", f"mx.{PROBE}", 10).add(f"mx.{PROBE}", "A", "127.0.0.1")
    domain = make_domain(name=DOMAIN)
    assert DkimKey.generate(domain, DkimKey.Algorithm.ED25519).activate()
    publish(zone, [r for r in checking.records_of(domain) if r.need != "optional"])
    with ScriptedServer() as mail:
        settings.MX_PORT = mail.port
        made = World(zone, settings, web, mail, domain, tmp_path)
        made.arguments = ["--probe", PROBE, "--seconds", "2"]
        made.certificate(names=[HELO], days=60)
        yield made


def doctor(world, *arguments):
    """Return the exit status and the findings."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("doctor", *world.arguments, *arguments, "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["status"] == end.value.code
    return end.value.code, said["findings"]


def complaints(findings):
    return [finding for finding in findings if finding["level"] != "ok"]
