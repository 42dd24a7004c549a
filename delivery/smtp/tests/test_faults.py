"""Every fault at every step, and that the next mail is none the worse for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from delivery.smtp import Credentials, Outcome, OutcomeKind, Session, TlsMode, TlsPolicy

from .certificates import Certificate
from .factories import BIG, LARGE, MESSAGE, ONE, SENDER, SHORT, endpoint, timeouts, yes
from .scripted import EXTENSIONS, Action, ScriptedServer, drop, garbage, say, stall

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
CLOCKS = {
    "greeting": "greeting",
    "handshake": "tls",
    "data": "data",
    "body": "data_block",
    "dot": "final",
}
PHASES = {"connect": "greeting", "handshake": "tls"}
CELLS = [
    (step, fault, expected)
    for step, row in EXPECTED.items()
    for fault, expected in zip(FAULTS, row.split(), strict=True)
    if expected != "-"
]


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "in turn"])
@pytest.mark.parametrize(("step", "fault", "expected"), CELLS)
def test_fault_has_its_outcome_and_spares_the_next_mail(
    step: str, fault: str, expected: str, pipelining: bool, certificate: Certificate
) -> None:
    with start(step, certificate, pipelining) as server:
        server.on(step, FAULTS[fault], nth=1)
        session = start_session(server, step, fault, certificate)
        before_dot, message = last_look(server, step, fault)
        outcome = session.send(SENDER, [ONE], message, before_dot)[ONE]
        assert in_a_word(outcome) == expected
        if expected != "delivered":
            assert outcome.phase == PHASES.get(step, step)
        assert (len(server.messages) == 1) is (expected == "delivered")
        following = session.send(SENDER, [ONE], MESSAGE, yes)[ONE]
        assert following.kind is OutcomeKind.DELIVERED
        session.close()


def start(step: str, certificate: Certificate, pipelining: bool) -> ScriptedServer:
    return ScriptedServer(
        extensions=[each for each in EXTENSIONS if pipelining or each != "PIPELINING"],
        certificate=certificate if step in ("starttls", "handshake") else None,
        credentials=("user", "secret") if step == "auth" else None,
    )


def start_session(
    server: ScriptedServer, step: str, fault: str, certificate: Certificate
) -> Session:
    encrypted = step in ("starttls", "handshake")
    return Session(
        endpoint(
            server,
            timeouts=timeouts(**({CLOCKS.get(step, "command"): SHORT} if fault == "stall" else {})),
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
        return yes, MESSAGE
    return (lambda: server.wait_for("body")), (BIG if fault == "stall" else LARGE)


def in_a_word(outcome: Outcome) -> str:
    return "ambiguous" if outcome.ambiguous else outcome.kind.value
