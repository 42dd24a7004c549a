"""aiosmtpd, a server that is not ours, reads what we send."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.smtp import Connection, Credentials, Endpoint, TlsMode, TlsPolicy, transfer

from .certificates import Certificate
from .factories import MESSAGE, SENDER, timeouts, yes
from .test_data import canonical, messages

IDN = "\u00fcser@b\u00fccher.example"


class Inbox:
    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 2.0.0 kept"


class OnAnyPort(Controller):
    """Takes the port that the system gives, which Controller does not know how to find."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def start(inbox: Inbox, **options: object) -> Controller:
    controller = OnAnyPort(
        inbox, "127.0.0.1", 0, enable_SMTPUTF8=True, server_hostname="aio.example", **options
    )
    controller.start()
    return controller


def reach(controller: Controller, **terms: object) -> Connection:
    terms = {"timeouts": timeouts(), "helo_name": "client.example"} | terms
    connection = Connection(Endpoint("127.0.0.1", controller.port, **terms))  # type: ignore[arg-type]
    assert connection.open() is None
    return connection


def test_independent_server_receives_the_mail() -> None:
    inbox = Inbox()
    controller = start(inbox)
    try:
        connection = reach(controller)
        outcome = connection.send(SENDER, ["one@example.net", IDN], MESSAGE, yes)[IDN]
        connection.quit()
    finally:
        controller.stop()
    assert outcome.kind == "delivered"
    (envelope,) = inbox.envelopes
    assert envelope.content == MESSAGE
    assert envelope.mail_from == SENDER
    assert envelope.rcpt_tos == ["one@example.net", "\u00fcser@xn--bcher-kva.example"]


def test_independent_server_takes_tls_and_credentials(certificate: Certificate) -> None:
    inbox = Inbox()
    controller = start(
        inbox,
        tls_context=certificate.server_context(),
        require_starttls=True,
        auth_required=True,
        authenticator=lambda *args: AuthResult(success=args[-1].password == b"secret"),
    )
    try:
        policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
        connection = reach(controller, tls=policy, credentials=Credentials("user", "secret"))
        assert connection.send(SENDER, ["a@example.net"], MESSAGE, yes)["a@example.net"].tls
        connection.quit()
    finally:
        controller.stop()
    assert len(inbox.envelopes) == 1


@pytest.fixture(scope="module")
def oracle() -> object:
    inbox = Inbox()
    controller = start(inbox)
    yield inbox, reach(controller)
    controller.stop()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(several=st.lists(messages, min_size=1, max_size=3), block=st.integers(1, 40))
def test_independent_server_reads_every_message_as_it_was(
    oracle: tuple[Inbox, Connection], several: list[bytes], block: int
) -> None:
    inbox, connection = oracle
    inbox.envelopes.clear()
    sent = [b"a: b\r\n\r\n" + body for body in several]  # keeps 8-bit bytes out of the header
    with patch.object(transfer, "BLOCK", block):
        for message in sent:
            assert connection.send(SENDER, ["a@example.net"], message, yes)["a@example.net"].reply
    assert [envelope.content for envelope in inbox.envelopes] == list(map(canonical, sent))
