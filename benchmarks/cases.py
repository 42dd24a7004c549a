"""The cases that can be asked for by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module

from benchmarks.report import Row
from benchmarks.stage import Stage


@dataclass(frozen=True, slots=True)
class Case:
    """Some rows of the table, measured by a module of that name. Loaded when it is run."""

    name: str
    about: str

    def run(self, stage: Stage) -> Iterable[Row]:
        """Measure its rows."""
        measured: Callable[[Stage], Iterable[Row]] = import_module(f"benchmarks.{self.name}").run
        return measured(stage)


CASES: Sequence[Case] = (
    Case("delivery", "a full queue delivered by two workers, beside django-post_office and Celery"),
    Case("stages", "where the time of composing a mail goes, step by step"),
    Case("through", "accepted by the API in batches and delivered, beside Postfix"),
    Case("far", "one worker and a relay 20 ms away, beside django-post_office with 5 threads"),
    Case("mx", "straight to 100 hosts of 1,000 domains, beside a single relay; and a burst to one"),
    Case("tarpits", "mail to 1,000 domains, with and without 50 tarpits beside them"),
    Case("latency", "one client on an idle system: from the request to the sink"),
    Case("accepting", "POST /api/emails, beside a bare ModelSerializer view"),
    Case("batches", "500 mails a request, beside django-post_office's send_many in process"),
    Case("hits", "pixel and click, beside bare Django views; and a kill -9 under load"),
    Case("claims", "claim and release among 3,000,000 rows, beside 10,000"),
    Case("draining", "single mails while a batch of 100,000 drains"),
    Case("memory", "of one worker after 100,000 mails, beside after 1,000"),
)


def chosen(names: Sequence[str]) -> list[Case]:
    """Return the named cases, or all; raises ValueError for a name that there is not."""
    known = {case.name: case for case in CASES}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no case {', '.join(unknown)}: {', '.join(known)}")
    return [known[name] for name in names] if names else list(CASES)
