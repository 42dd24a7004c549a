"""`make chaos`: run it and close the ledger; exit status 1 says that it does not balance."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.chaos import ledger, report
from tests.chaos.backlog import Backlog, count_open
from tests.chaos.clients import CLIENTS, KINDS, Book, Client
from tests.chaos.havoc import Havoc
from tests.chaos.names import DOMAINS
from tests.chaos.stage import Stage, say

ANSWER_SECONDS = 60.0  # for clients to get their last answers, after the havoc
# Within which everything must have come to its end then. Who says 421 to a mail server of strangers
# is given few connections for minutes.
SETTLE_SECONDS = {"relay": 60.0, "mx": 120.0}


def run(
    folder: Path,
    seed: int,
    database: str,
    seconds: float,
    *,
    transport: str = "relay",
    rolling_only: bool = False,
) -> report.Run:
    """Let it all happen in a folder, and return what came of it."""
    with Stage(folder, seed, database, transport) as stage:
        book, havoc = Book(folder), Havoc(stage, rolling_only=rolling_only)
        backlog = Backlog(stage.system)
        clients = _clients(stage, book, backlog, seconds)
        havoc.run(seconds)
        havoc.repair_all()
        backlog.end()
        well_again = time.monotonic()
        _wait(havoc, ANSWER_SECONDS, lambda: not any(client.is_alive() for client in clients))
        _wait(havoc, SETTLE_SECONDS[transport], lambda: count_open(stage.system) == 0)
        settled_after = time.monotonic() - well_again
        faults = havoc.faults + book.faults
        told = ledger.Told(book.mails, book.unexpected, faults, havoc.repeatable, KINDS)
        lines = ledger.sink_lines(stage.sink_ledger)
        return report.Run(
            f"{database} by {transport}",
            seed,
            seconds,
            settled_after,
            deeds=dict(havoc.deeds),
            answers=dict(book.answers),
            sink=dict(Counter(one["fault"] for said in lines.values() for one in said)),
            repeatable=havoc.repeatable,
            ledger=ledger.close(told, ledger.rows(stage.system), lines),
        )


def _clients(stage: Stage, book: Book, backlog: Backlog, seconds: float) -> list[Client]:
    system = stage.system
    now = time.monotonic()
    clients = [Client(f"c{n}", stage.seed, system.url, system.key, book) for n in range(CLIENTS)]
    backlog.start()
    for client in clients:
        client.may_post = backlog.bearable
        client.domains = DOMAINS if stage.transport == "mx" else DOMAINS[:1]
        client.ends, client.gives_up = now + seconds, now + seconds + ANSWER_SECONDS
        client.start()
    return clients


def _wait(havoc: Havoc, seconds: float, done: Callable[[], bool]) -> None:
    ends = time.monotonic() + seconds
    while not done() and time.monotonic() < ends:
        havoc.watch()
        time.sleep(0.2)


def main() -> int:
    """Read the arguments, run, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=None, help="the same again, but for timing")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--transport", choices=("relay", "mx"), default="relay")
    parser.add_argument(
        "--rolling", action="store_true", help="only orderly restarts: nothing may go twice"
    )
    arguments = parser.parse_args()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    folder = Path(tempfile.mkdtemp(prefix="mailer-chaos-"))
    say(f"seed {seed}, on {arguments.database} by {arguments.transport}; all of it in {folder}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended
    ran = run(
        folder,
        seed,
        arguments.database,
        arguments.seconds,
        transport=arguments.transport,
        rolling_only=arguments.rolling,
    )
    (folder / "ledger.json").write_text(report.as_json(ran) + "\n")
    say(report.as_table(ran))
    return 0 if ran.ledger.balanced else 1


if __name__ == "__main__":
    sys.exit(main())
