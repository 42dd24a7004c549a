"""What is examined: this installation, and which of its domains."""

from __future__ import annotations

from dataclasses import dataclass, field

from delivery.domains.installation import Installation
from delivery.smtp.dns import Resolver
from delivery.smtp.reach import Reach


@dataclass(frozen=True, slots=True)
class Examination:
    """All that the checks look at.

    `domain` limits the sending domains to one name. `probe` is a domain whose mail server is
    called on `mx_port`; `time_url` a server whose clock is believed. `seconds` bounds each call.
    `reach` is where mail goes.
    """

    installation: Installation
    resolver: Resolver
    transport: str
    mx_port: int = 25
    reach: Reach = field(default_factory=Reach)
    cert_file: str = ""
    key_file: str = ""
    listens: bool = False
    domain: str = ""
    probe: str = ""
    time_url: str = ""
    seconds: float = 10.0
