"""Claim and release among 1,000,000 waiting and 2,000,000 finished rows, beside 10,000 rows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from benchmarks import ours
from benchmarks.cpu import Meter, per_mail
from benchmarks.measure import Sample, alternate
from benchmarks.peers.project import run_python
from benchmarks.report import Row
from benchmarks.stage import Stage

WAITING, FINISHED, FEW = 1_000_000, 2_000_000, 10_000
CLAIMS = 300
# Half of the rows that wait are due. What is not named here is as the platform made it.
COLUMNS = {
    "id": "n",
    "email_id": "one.email_id + n % {emails}",
    "address": "'reader' || n || '@example.org'",
    "status": "CASE WHEN n > {waiting} THEN 'delivered' WHEN n % 2 = 0 THEN 'queued'"
    " ELSE 'scheduled' END",
    "next_attempt_at": "now() + CASE WHEN n % 2 = 0 THEN -1 ELSE 1 END"
    " * interval '1 day' * (1 + n / 1000000.0)",
}
KNOWN_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'recipients'"
INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'recipients'
    AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
# The foreign keys hold; looking at each, and at each index, would take minutes.
INSERT = """
    SET session_replication_role = replica;
    CREATE TEMPORARY TABLE one AS SELECT r.* FROM recipients r ORDER BY id LIMIT 1;
    TRUNCATE recipients CASCADE;
    INSERT INTO recipients ({names})
    SELECT {values} FROM one, generate_series(1, {waiting} + {finished}) AS n;
"""
EMAILS = 1_000


def run(stage: Stage) -> Iterable[Row]:
    """Measure milliseconds of a claim of 100 and its release."""
    waiting, finished = (stage.extent.of(count, FEW) for count in (WAITING, FINISHED))
    many = stage.once("claims_many", lambda name: _made(stage, name, waiting, finished))
    few = stage.once("claims_few", lambda name: _made(stage, name, FEW, 0))
    contenders = {name: partial(_claim, stage, name) for name in (many, few)}
    results = alternate(stage.extent.rounds, contenders)
    yield Row(
        f"claim and release, {waiting:,} wait, {finished:,} are done",
        "ms",
        results[many],
        f"{FEW:,} wait",
        results[few],
        at_most=1.5,
    )


def _made(stage: Stage, name: str, waiting: int, finished: int) -> str:
    ask = partial(stage.databases.ask, name)
    stage.databases.make(name, ours.filled(stage, EMAILS, tracked=True))
    indexes = ask(INDEXES)
    for index, _ in indexes:
        ask(f'DROP INDEX "{index}"')
    ask(_insertion([row[0] for row in ask(KNOWN_COLUMNS)], waiting, finished))
    for _, definition in indexes:
        ask(definition)
    stage.databases.settle(name)
    return name


def _insertion(names: list[str], waiting: int, finished: int) -> str:
    counts = {"waiting": waiting, "finished": finished}
    values = [COLUMNS.get(name, f'one."{name}"').format(emails=EMAILS, **counts) for name in names]
    quoted = ", ".join(f'"{name}"' for name in names)
    return INSERT.format(names=quoted, values=", ".join(values), **counts)


def _claim(stage: Stage, name: str) -> Sample:
    """Claim and release in a process of the platform's. Processor time is for one of them."""
    platform = ours.Platform(stage, stage.databases.url(name), ours.key(stage))
    meter = Meter(stage.processes())
    meter.begin()
    said = run_python(platform.environment, "benchmarks.claiming", str(CLAIMS))
    return Sample(float(said), per_mail(meter.used(), CLAIMS))
