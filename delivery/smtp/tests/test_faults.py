"""Every fault at every step, and that the next mail is none the worse for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from delivery.smtp import Credentials, Outcome, OutcomeKind, Session, TlsMode, TlsPolicy

from .certificates import Certificate
from .factories import BIG, LARGE, MESSAGE, ONE, SENDER, SHORT, endpoint, timeouts, yes
from .scripted import CHUNKED, EXTENSIONS, Action, ScriptedServer, drop, garbage, say, stall

FAULTS: dict[str, Action] = {
    "4xx": say("451 4.3.0 not now"),
    "5xx": say("554 5.7.1 not you"),
    "drop": drop,
    "stall": stall,
    "garbage": garbage,
}

# One column for each fault, in the order of FAULTS.
EXPECTED = {
    "connect": "-        -         deferred  -         -",
    "greeting": "deferred deferred  deferred  deferred  deferred",
    "ehlo": "    deferred delivered deferred  deferred  deferred",  # 5xx: HELO will do
    "starttls": "deferred deferred  deferred  deferred  deferred",
    "handshake": "-       -         deferred  deferred  deferred",
    "auth": "    deferred deferred  deferred  deferred  deferred",
    "mail": "    deferred bounced   deferred  deferred  deferred",
    "rcpt": "    deferred bounced   deferred  deferred  deferred",
    "data": "    deferred bounced   deferred  deferred  deferred",
    "body": "    deferred bounced   deferred  deferred  deferred",
    "dot": "     deferred bounced   ambiguous ambiguous ambiguous",
}
# With BDAT a small mail leaves before any answer: who falls silent after it may have taken it.
EXPECTED_OF_CHUNKS = {
    "probe": "   delivered delivered delivered delivered delivered",  # DATA will do
    "mail": "    deferred bounced   ambiguous ambiguous ambiguous",
    "rcpt": "    deferred bounced   ambiguous ambiguous ambiguous",
    "body": "    deferred bounced   deferred  deferred  deferred",
    "chunk": "   deferred bounced   deferred  deferred  deferred",
    "dot": "     deferred bounced   ambiguous ambiguous ambiguous",
}
IN_TURN = [each for each in EXTENSIONS if each != "PIPELINING"]
FORMS = {
    "pipelined": (EXTENSIONS, EXPECTED),
    "in turn": (IN_TURN, EXPECTED),
    "chunked": (CHUNKED, EXPECTED_OF_CHUNKS),
}
CLOCKS = {
    "greeting": "greeting",
    "ehlo": "hello",
    "starttls": "hello",
    "auth": "hello",
    "handshake": "tls",
    "data": "data",
    "body": "data_block",
    "chunk": "data_block",
    "probe": "courtesy",
    "dot": "final",
}
PHASES = {"connect": "greeting", "handshake": "tls", "chunk": "body"}
CELLS = [
    (form, step, fault, expected)
    for form, (_, table) in FORMS.items()
    for step, row in table.items()
    for fault, expected in zip(FAULTS, row.split(), strict=True)
    if expected != "-"
]


@pytest.mark.parametrize(("form", "step", "fault", "expected"), CELLS)
def test_fault_has_its_outcome_and_spares_the_next_mail(
    form: str, step: str, fault: str, expected: str, certificate: Certificate
) -> None:
    with start(step, certificate, FORMS[form][0]) as server:
        server.on(step, FAULTS[fault], nth=1)
        clock = "final" if expected == "ambiguous" else CLOCKS.get(step, "command")
        session = start_session(server, step, clock if fault == "stall" else "", certificate)
        before_dot, message = last_look(server, step, fault)
        outcome = session.send(SENDER, [ONE], message, before_dot)[ONE]
        assert in_a_word(outcome) == expected
        if expected == "ambiguous":
            assert outcome.phase == "dot"
        elif expected != "delivered":
            assert outcome.phase == PHASES.get(step, step)
        assert (len(server.messages) == 1) is (expected == "delivered")
        following = session.send(SENDER, [ONE], MESSAGE, yes)[ONE]
        assert following.kind is OutcomeKind.DELIVERED
        session.close()


def start(step: str, certificate: Certificate, extensions: Iterable[str]) -> ScriptedServer:
    return ScriptedServer(
        extensions=extensions,
        certificate=certificate if step in ("starttls", "handshake") else None,
        credentials=("user", "secret") if step == "auth" else None,
    )


def start_session(
    server: ScriptedServer, step: str, short: str, certificate: Certificate
) -> Session:
    """A session to the server, with little patience on one of its clocks."""
    encrypted = step in ("starttls", "handshake")
    return Session(
        endpoint(
            server,
            timeouts=timeouts(**({short: SHORT} if short else {})),
            tls=TlsPolicy(
                TlsMode.STARTTLS if encrypted else TlsMode.NONE, ca_file=certificate.chain
            ),
            credentials=Credentials("user", "secret") if step == "auth" else None,
        )
    )


def last_look(server: ScriptedServer, step: str, fault: str) -> tuple[Callable[[], bool], bytes]:
    """Hold the dot back until a fault in the body has happened; a stall shows in big mail only.

    The body of a small mail leaves together with its dot.
    """
    if step != "body":
        return yes, LARGE if step == "chunk" else MESSAGE
    return (lambda: server.wait_for("body")), (BIG if fault == "stall" else LARGE)


def in_a_word(outcome: Outcome) -> str:
    return "ambiguous" if outcome.ambiguous else outcome.kind.value
