"""Another thread may end a session at any moment."""

from __future__ import annotations

import threading

import pytest

from delivery.smtp import Outcome, Session, TlsMode, TlsPolicy

from .certificates import Certificate
from .factories import BIG, MESSAGE, ONE, SENDER, endpoint, yes
from .scripted import CHUNKED, ScriptedServer, stall


@pytest.mark.parametrize("mode", [TlsMode.NONE, TlsMode.STARTTLS])
@pytest.mark.parametrize(
    ("step", "phases", "ambiguous"),
    [
        ("greeting", ["greeting", "connect"], False),  # the server may see it open before we do
        ("ehlo", ["ehlo"], False),
        ("mail", ["mail"], False),
        ("body", ["body"], False),
        ("dot", ["dot"], True),
    ],
)
def test_abort_ends_a_blocked_send(
    step: str, phases: list[str], ambiguous: bool, mode: TlsMode, certificate: Certificate
) -> None:
    policy = TlsPolicy(mode, ca_file=certificate.chain)
    with ScriptedServer(certificate=certificate) as server:
        server.on(step, stall)
        session = Session(endpoint(server, tls=policy))
        found: list[Outcome] = []
        message = BIG if step == "body" else MESSAGE
        thread = threading.Thread(
            target=lambda: found.append(session.send(SENDER, [ONE], message, yes)[ONE])
        )
        thread.start()
        server.wait_for(step)
        session.abort()
        thread.join(5)
        assert found[0].kind == "deferred"
        assert found[0].phase in phases
        assert found[0].ambiguous is ambiguous
        assert found[0].detail != "timed out"


def test_abort_of_a_mail_that_left_all_at_once_is_ambiguous() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("mail", stall)
        session = Session(endpoint(server))
        found: list[Outcome] = []
        thread = threading.Thread(
            target=lambda: found.append(session.send(SENDER, [ONE], MESSAGE, yes)[ONE])
        )
        thread.start()
        server.wait_for("mail")
        session.abort()
        thread.join(5)
        assert (found[0].kind, found[0].phase, found[0].ambiguous) == ("deferred", "dot", True)


def test_aborted_session_sends_nothing_more() -> None:
    with ScriptedServer() as server:
        session = Session(endpoint(server))
        session.send(SENDER, [ONE], MESSAGE, yes)
        session.abort()
        assert session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "deferred"
        session.close()
        assert len(server.messages) == 1
