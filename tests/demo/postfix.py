"""Debian's Postfix as the mail server of a company: one mailbox, and bounces for all else."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from delivery.smtp.tests.postfix import Postfix

# Unknown users are found out after the mail was taken, as behind many a gateway, so that a bounce
# message has to come home. DNS has no port in Postfix: it is told where our bounces go.
MORE = """
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{ {{ inbox@{domain} = inbox/ }} }}
smtpd_reject_unlisted_recipient = no
smtp_dns_support_level = disabled
transport_maps = inline:{{ {{ {bounces} = smtp:[{ours}]:{port} }} }}
"""


class Company(Postfix):
    """Receives mail for `domain` at `address`, and sends bounces for `bounces` to `ours`."""

    def __init__(self, *, domain: str, address: str, port: int, bounces: str, ours: str) -> None:
        super().__init__()
        self.port, self.address = port, address
        self._values = {"domain": domain, "address": address, "port": port}
        self._values |= {"bounces": bounces, "ours": ours}

    def _initialise(self) -> None:
        super()._initialise()
        config = self.folder / "config"
        with (config / "main.cf").open("a") as file:
            file.write(MORE.format(**self._values))
        services = (config / "master.cf").read_text().replace("127.0.0.1:", f"{self.address}:")
        (config / "master.cf").write_text(services + "smtp unix - - n - - smtp\n")

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.address, self.port), 1) as client:
            return client.recv(3) == b"220"
        return False

    def mailbox(self) -> list[bytes]:
        """Return what lies in the mailbox, the oldest first; lines end with LF."""
        files = sorted(self.inbox.glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [Path(file).read_bytes() for file in files]
