"""A stream of mail to 1,000 healthy domains, with and without 50 tarpits that get mail too."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from http.client import HTTPConnection

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
FIRST = 10  # mails for each tarpit before the stream, and one in ten of the stream
WITH, WITHOUT = "with tarpits", "without"
SETTINGS = {"DELIVERY_CONCURRENCY": "200"}
WAITS = """
    SELECT percentile_cont(0.99) WITHIN GROUP (
        ORDER BY extract(epoch FROM d.timestamp - q.timestamp)
    )
    FROM recipients r
    JOIN email_events d ON d.recipient_id = r.id AND d.type = 'deliver'
    JOIN email_events q ON q.recipient_id = r.id AND q.type = 'queue'
    WHERE r.address LIKE '%@d%'
"""
SETTLED = "SELECT count(*) FROM recipients WHERE status = 'delivered' AND address LIKE '%@d%'"


def run(stage: Stage) -> Iterable[Row]:
    """Measure the slowest in a hundred, from acceptance to the exchanger's answer, recorded."""
    count = stage.extent.of(MAILS)
    contenders = {
        name: partial(_round, stage, count, pits=pits)
        for name, pits in ((WITH, PITS), (WITHOUT, 0))
    }
    results = alternate(stage.extent.rounds, contenders)
    what = f"mail to {DOMAINS:,} domains beside {PITS} tarpits: p99"
    yield Row(what, "ms", results[WITH], WITHOUT, results[WITHOUT], at_most=1.1)


def _round(stage: Stage, count: int, *, pits: int) -> Sample:
    known = ours.key(stage)
    url = stage.databases.make("round", "ours_empty")
    stage.redis.flush()
    with Internet(stage.folder, hosts=HOSTS, pits=PITS) as internet:
        settings = internet.settings() | SETTINGS | ours.dkim(stage)
        with ours.Platform(stage, url, known, **settings) as platform:
            platform.start_web()
            with stage.databases.gate("round", "recipients", WORKERS):
                platform.start_workers(WORKERS)
            _post(platform.port, known, _for_pits(pits, FIRST * pits))
            _stream(platform.port, known, count, pits)
            until(lambda: stage.databases.ask("round", SETTLED)[0][0] == count, "all were settled")
    return Sample(float(stage.databases.ask("round", WAITS)[0][0]) * 1000)


def _stream(port: int, key: str, count: int, pits: int) -> None:
    """Post batch after batch at a steady pace; each has a mail to a tarpit too, if there are."""
    begins = time.monotonic()
    unlucky = _for_pits(pits, count)
    for first in range(0, count, BATCH):
        time.sleep(max(begins + first / PER_SECOND - time.monotonic(), 0))
        healthy = [_mail(number, f"d{number % DOMAINS}") for number in range(first, first + BATCH)]
        _post(port, key, iter([*healthy, *([next(unlucky)] if pits else [])]))


def _for_pits(pits: int, count: int) -> Iterator[Mail]:
    return (_mail(number, f"t{number % pits}") for number in range(count))


def _mail(number: int, domain: str) -> Mail:
    whole = short_mail(number)
    return Mail(
        number,
        f"reader{number}@{domain}.example",
        whole.name,
        whole.subject,
        whole.html,
        whole.text,
    )


def _post(port: int, key: str, items: Iterator[Mail]) -> None:
    posted = list(items)
    if posted:
        connection = HTTPConnection(HOST, port)
        ours.post_batch(connection, key, ours.batch(posted, {}))
        connection.close()
