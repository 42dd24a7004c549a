"""A Postfix that takes mail for anybody at its domain, and sends back what has no mailbox there."""

from __future__ import annotations

from delivery.smtp.tests.postfix import Postfix

MAIN_CF = """
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_reject_unlisted_recipient = no
virtual_mailbox_maps = inline:{{inbox@example.net=inbox/}}
relayhost = [127.0.0.1]:{port}
smtp_dns_support_level = disabled
smtp_host_lookup = native
"""
MASTER_CF = """
smtp unix - - n - - smtp
"""


class ReturningPostfix(Postfix):
    """Whatever it sends goes to `port` of 127.0.0.1, to whomever it is addressed."""

    def __init__(self, port: int) -> None:
        self._returns_to = port
        super().__init__()

    def _initialise(self) -> None:
        super()._initialise()
        for name, text in (("main.cf", MAIN_CF), ("master.cf", MASTER_CF)):
            with (self.folder / "config" / name).open("a") as file:
                file.write(text.format(port=self._returns_to))
