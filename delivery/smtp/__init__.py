"""SMTP, free of Django: a client on blocking sockets whose every ending is a value."""

from .auth import Credentials
from .connection import Connection
from .deadlines import Timeouts
from .endpoint import Endpoint
from .outcome import Outcome, OutcomeKind, Phase, TlsInfo
from .replies import Reply
from .session import Session
from .tls import TlsMode, TlsPolicy

__all__ = [
    "Connection",
    "Credentials",
    "Endpoint",
    "Outcome",
    "OutcomeKind",
    "Phase",
    "Reply",
    "Session",
    "Timeouts",
    "TlsInfo",
    "TlsMode",
    "TlsPolicy",
]
