"""`POST /api/emails`, authenticated and durable, beside a bare ModelSerializer view."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from benchmarks import load, ours
from benchmarks.cpu import Meter, Roots, per_mail
from benchmarks.mails import mail, short_mail
from benchmarks.measure import Sample, alternate
from benchmarks.peers.bare import peer as bare
from benchmarks.report import Row
from benchmarks.stage import Stage

SECONDS = 6
MARK = "77777777"
SIZES = {"10 kB": mail(int(MARK)), "2 kB": short_mail(int(MARK))}
NAME = "a bare ModelSerializer view"


def _ours(stage: Stage, size: str) -> Sample:
    known = ours.key(stage)
    url = stage.databases.make("round", "ours_empty")
    stage.databases.ask("round", "CHECKPOINT")
    stage.redis.flush()
    with ours.Platform(stage, url, known) as platform:
        platform.start_web()
        return _measured(
            stage, platform.port, platform.pids("web"), _script(stage, size, known), "emails"
        )


def _bare(stage: Stage, size: str) -> Sample:
    with bare.serving(stage) as (port, pid):
        return _measured(stage, port, lambda: [pid], _script(stage, size), "bare_emails")


def _script(stage: Stage, size: str, key: str = "") -> Path:
    body = json.dumps(SIZES[size].request())
    return load.posting(stage.room("load") / "post.lua", body, MARK, key)


def _measured(stage: Stage, port: int, web: Roots, script: Path, table: str) -> Sample:
    before = load.applied(port, script, load.WARM_UP_SECONDS)
    meter = Meter({"web": web, **stage.processes()})
    meter.begin()
    taken = load.applied(port, script, max(2, SECONDS * stage.extent.scale))
    used = meter.used()
    (rows,) = stage.databases.ask("round", f"SELECT count(*) FROM {table}")[0]
    if rows < before.answered + taken.answered:
        raise RuntimeError(f"{taken.answered} were accepted, {rows} rows are there")
    return Sample(taken.rate, per_mail(used, taken.answered))


def run(stage: Stage) -> Iterable[Row]:
    """Measure both with the mail of the other cases, and with a short one."""
    for size in SIZES:
        results = alternate(
            stage.extent.rounds,
            {"ours": partial(_ours, stage, size), NAME: partial(_bare, stage, size)},
        )
        what = f"POST /api/emails, {size}"
        yield Row(what, "mails/s", results["ours"], NAME, results[NAME], at_least=1)
