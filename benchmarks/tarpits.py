"""A stream of mail to 1,000 healthy domains beside mail to 50 tarpits, or to 50 others as healthy.

Both rounds are the same mails; only where every eleventh of them goes is another.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from itertools import islice

from benchmarks import ours
from benchmarks.delivery import WORKERS
from benchmarks.internet import Internet
from benchmarks.mails import Mail, short_mail
from benchmarks.measure import Sample, alternate, until
from benchmarks.report import Row
from benchmarks.stage import Stage
from tests.servers import HOST

MAILS = 6_000  # to healthy domains
PER_SECOND = 100
BATCH = 10
DOMAINS, HOSTS, PITS = 1_000, 100, 50
FIRST = 10  # mails for each of the 50 before the stream, and one for each ten of the stream
WARM = 500  # mails to healthy domains before all of it: a process's first mails are slow
WARM_UP_SECONDS = 3
WITH, WITHOUT = "with tarpits", "with as many healthy ones"
SETTINGS = {"DELIVERY_CONCURRENCY": "200"}
WAITS = """
    SELECT percentile_cont(0.99) WITHIN GROUP (
        ORDER BY extract(epoch FROM d.timestamp - q.timestamp)
    )
    FROM recipients r
    JOIN email_events d ON d.recipient_id = r.id AND d.type = 'deliver'
    JOIN email_events q ON q.recipient_id = r.id AND q.type = 'queue'
    WHERE r.address LIKE 'reader%'
"""
SETTLED = "SELECT count(*) FROM recipients WHERE status = 'delivered' AND address LIKE '{}%'"


def run(stage: Stage) -> Iterable[Row]:
    """Measure the slowest in a hundred, from acceptance to the exchanger's answer, recorded."""
    count = stage.extent.of(MAILS)
    contenders = {
        name: partial(_round, stage, count, beside=kind)
        for name, kind in ((WITH, "t"), (WITHOUT, "d"))
    }
    results = alternate(stage.extent.rounds, contenders)
    what = f"mail to {DOMAINS:,} domains beside {PITS} tarpits: p99"
    yield Row(what, "ms", results[WITH], WITHOUT, results[WITHOUT], at_most=1.1)


def _round(stage: Stage, count: int, *, beside: str) -> Sample:
    known = ours.key(stage)
    url = stage.databases.make("round", "ours_empty")
    stage.redis.flush()
    with Internet(stage.folder, hosts=HOSTS, pits=PITS) as internet:
        settings = internet.settings() | SETTINGS
        with ours.Platform(stage, url, known, **settings) as platform:
            platform.start_web()
            with stage.databases.gate("round", "recipients", WORKERS):
                platform.start_workers(WORKERS)
            warm = [_mail("warm", number, f"d{number}") for number in range(WARM)]
            _post(platform.port, known, warm)
            _all_settled(stage, "warm", WARM)
            others = (_mail("other", n, f"{beside}{n % PITS}") for n in itertools.count())
            _post(platform.port, known, list(islice(others, FIRST * PITS)))
            time.sleep(WARM_UP_SECONDS)
            _stream(platform.port, known, count, others)
            _all_settled(stage, "reader", count)
    return Sample(float(stage.databases.ask("round", WAITS)[0][0]) * 1000)


def _all_settled(stage: Stage, to: str, count: int) -> None:
    sql = SETTLED.format(to)
    until(lambda: stage.databases.ask("round", sql)[0][0] == count, "all were settled")


def _stream(port: int, key: str, count: int, others: Iterator[Mail]) -> None:
    """Post batch after batch at a steady pace, each with one of the others."""
    begins = time.monotonic()
    for first in range(0, count, BATCH):
        time.sleep(max(begins + first / PER_SECOND - time.monotonic(), 0))
        numbers = range(first, first + BATCH)
        batch = [_mail("reader", number, f"d{number % DOMAINS}") for number in numbers]
        _post(port, key, [*batch, next(others)])


def _mail(to: str, number: int, domain: str) -> Mail:
    return replace(short_mail(number), address=f"{to}{number}@{domain}.example")


def _post(port: int, key: str, items: Sequence[Mail]) -> None:
    connection = HTTPConnection(HOST, port)
    ours.post_batch(connection, key, ours.batch(items, {}))
    connection.close()
