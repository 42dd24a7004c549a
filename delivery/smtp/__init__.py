"""SMTP, free of Django: a client whose every ending is a value."""

from .auth import Credentials
from .connection import Connection
from .deadlines import Timeouts
from .endpoint import Endpoint
from .envelope import InvalidMail
from .outcome import Outcome, OutcomeKind, Phase, TlsInfo
from .replies import Reply
from .session import Session
from .tls import TlsMode, TlsPolicy

__all__ = [
    "Connection",
    "Credentials",
    "Endpoint",
    "InvalidMail",
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
