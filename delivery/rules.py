"""What a route is about, and which one decides for a mail: the first that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from delivery.smtp.addresses import to_ascii_domain


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of Route: None and "" are every project and domain, `ways` are by preference."""

    project_id: int | None
    domain: str
    ways: tuple[str, ...]

    def fits(self, domain: str, project_id: int) -> bool:
        """Tell whether it is about mail of a project to a domain (A-labels in lower case)."""
        return self.project_id in (None, project_id) and self._reaches(domain)

    def covers(self, other: Rule) -> bool:
        """Tell whether it fits all that another one fits, which then decides nothing after it."""
        return self.project_id in (None, other.project_id) and self._reaches(other.domain)

    def _reaches(self, domain: str) -> bool:
        below = self.domain.startswith(".") and domain.endswith(self.domain)
        return below or self.domain in ("", domain)


def deciding(rules: Sequence[Rule], domain: str, project_id: int) -> int | None:
    """Return the place of the rule that decides for mail of a project to a domain, if any does."""
    domain = canonical(domain)
    return next((n for n, rule in enumerate(rules) if rule.fits(domain, project_id)), None)


def idle(rules: Sequence[Rule]) -> list[int]:
    """Return the places of the rules that an earlier one leaves nothing to decide."""
    return [n for n, rule in enumerate(rules) if any(r.covers(rule) for r in rules[:n])]


def canonical(domain: str) -> str:
    """Return a domain in A-labels and lower case."""
    try:
        return to_ascii_domain(domain).lower()
    except ValueError:  # no server takes mail for it, whatever the way
        return domain.lower()


def domain_pattern(written: str) -> str:
    """Return what a person wrote as `Route.domain` has it. Raises ValueError with a sentence.

    `*.example.com` and `@example.com` are understood too.
    """
    domain = written.strip().rstrip(".").removeprefix("*").removeprefix("@")
    if not domain:
        if written.strip() in ("", "*"):
            return ""
        raise ValueError(f"“{written}” is no domain.")
    dot = "." if domain.startswith(".") else ""
    try:
        return dot + to_ascii_domain(domain.removeprefix(".")).lower()
    except ValueError:
        hint = "Give one like example.com, or .example.com for every name below it."
        raise ValueError(f"“{written}” is no domain. {hint}") from None
