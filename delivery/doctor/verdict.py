"""What an examination says about one thing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    UNKNOWN = "unknown"  # it could not be found out
    WARNING = "warning"  # mail goes, but not as well as it could
    PROBLEM = "problem"  # mail is lost, late or refused


EXIT_STATUS = {Level.OK: 0, Level.UNKNOWN: 1, Level.WARNING: 1, Level.PROBLEM: 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`about` is the domain, address or name that was examined; `advice` is what to do."""

    check: str
    about: str
    level: Level
    says: str
    advice: str = ""

    def public(self) -> dict[str, str]:
        """Return what `--json` writes."""
        return {name: str(value) for name, value in asdict(self).items()}


def unanswered(check: str, about: str, error: Exception) -> Verdict:
    """Return that DNS gave no answer; which server failed how would not help a person."""
    says = f"{str(error).partition(':')[0]}."
    return Verdict(check, about, Level.UNKNOWN, says, "Look whether DNS works on this machine.")


def exit_status(verdicts: list[Verdict]) -> int:
    """Return 0 where all is well, 1 with warnings or things unknown, 2 with problems."""
    return max((EXIT_STATUS[verdict.level] for verdict in verdicts), default=0)
