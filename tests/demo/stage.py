"""Everything that takes part: DNS, three receiving domains, and the whole platform."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from delivery.smtp.tests.certificates import make_certificate
from tests.demo.postfix import Company
from tests.demo.receivers import Greylister, Taker, serving, unwilling
from tests.dns_server import DnsServer
from tests.servers import PostgresServer, RedisServer, free_port
from tests.system import System, wait_until

POSTFIX, AIO, GREY, BUSY, OURS = (f"127.0.0.{number}" for number in range(2, 7))
SENDER: Final = "shop.example"
SECRET: Final = "demo-only-0123456789abcdef0123456789abcdef-0123456789"


class Stage:
    """A context manager. Every mail server has an address of its own, and all have one port."""

    def __init__(self, folder: Path, first_retry: float, greylisted: float) -> None:
        self.folder = folder
        self._first_retry, self._greylisted = first_retry, greylisted
        self._stack = ExitStack()
        self.port, self.submission = free_port(), free_port()
        self.taker = Taker()
        self.greylister = Greylister(seconds=greylisted)

    def __enter__(self) -> Self:
        with self._stack:
            self._set()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _set(self) -> None:
        enter = self._stack.enter_context
        self.dns = enter(DnsServer())
        self._publish_receivers()
        self.company = enter(
            Company(
                domain="postfix.example",
                address=POSTFIX,
                port=self.port,
                bounces=f"bounces.{SENDER}",
                ours=OURS,
            )
        )
        enter(serving(self.taker, AIO, self.port))
        enter(serving(self.greylister, GREY, self.port))
        enter(unwilling(BUSY, self.port))
        postgres, redis = enter(PostgresServer()), enter(RedisServer())
        self.system = System(self.folder / "var", **self._settings(postgres.url, redis.url))
        enter(self.system)
        self._start()

    def _publish_receivers(self) -> None:
        zone = self.dns.zone
        hosts = {"mx.postfix.example": POSTFIX, "mx.aio.example": AIO, "mx2.grey.example": GREY}
        hosts |= {"mx1.grey.example": BUSY, "mail.platform.example": OURS}
        for name, address in hosts.items():
            zone.add(name, "A", address)
        zone.add("postfix.example", "MX", "mx.postfix.example", 10)
        zone.add("aio.example", "MX", "mx.aio.example", 10)
        zone.add("grey.example", "MX", "mx1.grey.example", 10)
        zone.add("grey.example", "MX", "mx2.grey.example", 20)

    def _settings(self, database: str, redis: str) -> dict[str, str]:
        tls = self.folder / "tls"
        tls.mkdir(parents=True)
        certificate = make_certificate(tls, OURS)
        self.trusted = ssl.create_default_context(cafile=certificate.chain)
        return {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "SECRET_KEY": SECRET,
            "TRACKING_KEYS": SECRET,
            "ENCRYPTION_KEYS": SECRET,
            "ALLOW_ANY_FROM": "false",
            "MAIL_TRANSPORT": "mx",
            "DNS_SERVERS": self.dns.address,
            "MX_PORT": str(self.port),
            "PRIVATE_NETWORKS": "127.0.0.0/8",
            "HELO_NAME": "mail.platform.example",
            "INBOUND_LISTEN": f"{OURS}:{self.port}",
            "SUBMISSION_LISTEN": f"{OURS}:{self.submission}",
            "TLS_CERT_FILE": certificate.chain,
            "TLS_KEY_FILE": certificate.key,
            "RETRY_FIRST_SECONDS": f"{self._first_retry:g}",
        }

    def _start(self) -> None:
        self.system.start_web()
        self.system.start_worker("worker-1")
        self.system.start_worker("worker-2")
        self.system.start_beat()
        self.system.start_mailserver()
        log = self.system.log("mailserver")
        wait_until(lambda: b"listen" in log.read_bytes(), 30)
