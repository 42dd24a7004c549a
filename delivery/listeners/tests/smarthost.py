"""Postfix as a client of ours: it takes mail on loopback and passes it on with a password."""

from __future__ import annotations

from pathlib import Path

from delivery.smtp.tests.postfix import Postfix

MAIN_CF = """
virtual_mailbox_domains =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{port}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = static:any:{key}
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = verify
smtp_tls_CAfile = {chain}
smtp_tls_verify_cert_match = hostname
smtp_host_lookup = native
minimal_backoff_time = 1s
queue_run_delay = 1s
"""
MASTER_CF = """
smtp unix - - n - - smtp
tlsmgr unix - - n 1000? 1 tlsmgr
"""


class SmartHostClient(Postfix):
    """Passes all mail on to the submission listener at `port`, over STARTTLS that it verifies."""

    def __init__(self, port: int, key: str, chain: str) -> None:
        super().__init__()
        self._given = {"port": port, "key": key, "chain": chain}

    def _initialise(self) -> None:
        super()._initialise()
        for name, text in (("main.cf", MAIN_CF), ("master.cf", MASTER_CF)):
            append(self.folder / "config" / name, text.format(**self._given))


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)
