"""What became of one recipient in one attempt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .replies import Reply


class OutcomeKind(StrEnum):
    DELIVERED = "delivered"  # the server took responsibility
    DEFERRED = "deferred"  # try again later
    BOUNCED = "bounced"  # do not try again
    ABANDONED = "abandoned"  # we stopped before the last byte: nothing was delivered


class Phase(StrEnum):
    """How far the attempt had come; up to AUTH it is the host that is in trouble, not the mail."""

    LOOKUP = "lookup"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """The encryption of a connection; `verified` when certificate and host name were checked."""

    version: str
    cipher: str
    verified: bool


class Outcome(NamedTuple):
    """What one attempt did for one recipient.

    `reply` is what the server said, None where it said nothing (lost, timed out, decided here).
    `status` is the code of RFC 3463, the server's or our own. `host` is `name[address]:port`.
    `ambiguous`, always with DEFERRED: the whole mail went out to its last byte, and no reply came
    back, so that it may have been delivered. `duration` is in seconds. `tried` are the outcomes at
    the hosts that were asked before this one and would not talk. `route` are the hosts that the
    mail might go to, where DNS names them. `way` is the transport, where there are several. `wait`,
    with ABANDONED: the seconds until there may be room for the mail.
    """

    kind: OutcomeKind
    phase: Phase
    host: str
    detail: str
    reply: Reply | None = None
    status: str | None = None
    ambiguous: bool = False
    tls: TlsInfo | None = None
    duration: float = 0.0
    tried: tuple[Outcome, ...] = ()
    route: tuple[str, ...] = ()
    way: str = ""
    wait: float = 0.0

    @property
    def is_of_host(self) -> bool:
        """Whether the host would not talk: no word of the mail was said, another host may be."""
        return self.kind is OutcomeKind.DEFERRED and self.phase in _SESSION_PHASES


_SESSION_PHASES = frozenset(
    {
        Phase.LOOKUP,
        Phase.CONNECT,
        Phase.TLS,
        Phase.GREETING,
        Phase.EHLO,
        Phase.STARTTLS,
        Phase.AUTH,
    }
)
# "Authentication required", "mechanism too weak", "credentials invalid", "encryption required"
# (RFC 4954 §6), and 530 also "issue STARTTLS first" (RFC 3207 §4).
_SESSION_CODES = frozenset({530, 534, 535, 538})


def classify(reply: Reply, phase: Phase, *, public: bool = False) -> OutcomeKind:
    """Say what a final reply (2yz, 4yz or 5yz) at `phase` means for the recipients it is about.

    The enhanced status code is read first (RFC 3463 §3); no text is ever read. A reply that
    contradicts itself is deferred: a retry costs little, a wrong bounce silences an address.
    A `public` server (an MX) that wants a login from strangers will not take their mail later.
    """
    if reply.positive:
        return OutcomeKind.DELIVERED
    if _blames_the_session(reply, phase, public) or _may_pass(reply, phase):
        return OutcomeKind.DEFERRED
    return OutcomeKind.BOUNCED


def _blames_the_session(reply: Reply, phase: Phase, public: bool) -> bool:
    """Host or configuration trouble: no word about the recipient, who must not pay for it."""
    ours = phase is Phase.MAIL and reply.code in _SESSION_CODES and not public
    return phase in _SESSION_PHASES or ours


def _may_pass(reply: Reply, phase: Phase) -> bool:
    if reply.enhanced and reply.enhanced.startswith("4."):
        return True
    if phase is Phase.RCPT and (reply.code == 552 or reply.enhanced == "5.5.3"):
        return True  # too many recipients: the rest may follow later (RFC 5321 §4.5.3.1.10)
    return not reply.permanent
