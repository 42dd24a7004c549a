"""Pixel and click with their events stored, beside bare Django views with one INSERT each."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

from benchmarks import load, ours
from benchmarks.cpu import Meter, Roots, per_mail
from benchmarks.delivery import WORKERS
from benchmarks.measure import Sample, alternate, say, until
from benchmarks.peers.bare import peer as bare
from benchmarks.report import Row
from benchmarks.sinks import OwnSink
from benchmarks.stage import Stage

MAILS = 2_000
SECONDS = 6
KINDS = {"pixel": "open", "click": "click"}  # and the type of the event
BARE_PATHS = {"pixel": "/o/{}", "click": "/c/{}"}
PUBLIC_URL = re.escape(ours.SETTINGS["PUBLIC_URL"])
ATTRIBUTES = {"pixel": rf'src="{PUBLIC_URL}(/[^"]+)"', "click": rf'href="{PUBLIC_URL}(/[^"]+)"'}
STORED = "SELECT count(*) FROM email_events WHERE type = %s"
BARE_STORED = "SELECT count(*) FROM bare_hits"
HOME_SECONDS = 60.0  # within which what was spooled must be in the database


def run(stage: Stage) -> Iterable[Row]:
    """Measure both kinds, then kill the web server under load and count."""
    paths = {kind: _paths(stage, kind) for kind in KINDS}
    for kind in KINDS:
        name = f"{bare.NAME} with one INSERT"
        results = alternate(
            stage.extent.rounds,
            {kind: partial(_ours, stage, kind, paths[kind]), name: partial(_bare, stage, kind)},
        )
        kept = _survives(stage, kind, paths[kind])
        what = f"{kind} with its event stored"
        yield Row(what, "hits/s", results[kind], name, results[name], at_least=2, also=kept)


def _paths(stage: Stage, kind: str) -> list[str]:
    """Return the paths of one kind in delivered mails."""
    found = []
    for path in _delivered(stage).glob("*.eml"):
        body = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("html",))
        assert body is not None
        found += re.findall(ATTRIBUTES[kind], body.get_content())[:1]
    return found


def _delivered(stage: Stage) -> Path:
    """Deliver mails to a folder, once; their rows stay in the database "ours_delivered"."""
    return Path(stage.once("ours_delivered", lambda name: _made(stage, name)))


def _made(stage: Stage, name: str) -> str:
    count, folder = stage.extent.of(MAILS), stage.room("mails")
    known = ours.key(stage)
    url = stage.databases.make(name, ours.filled(stage, count, tracked=True))
    sink = OwnSink(stage.folder, keep=folder)
    with sink, ours.Platform(stage, url, known, SMTP_RELAY_URL=sink.relay_url()) as platform:
        platform.start_workers(WORKERS)
        until(lambda: sink.taken() >= count, "the mails to be opened arrived")
    stage.databases.settle(name)
    return str(folder)


def _ours(stage: Stage, kind: str, paths: list[str]) -> Sample:
    with _platform(stage) as platform:
        platform.start_web()
        script = load.getting(stage.room("load") / "get.lua", paths)
        return _measured(stage, platform.port, platform.pids("web"), script, KINDS[kind])


def _platform(stage: Stage) -> ours.Platform:
    url = stage.databases.make("round", "ours_delivered")
    stage.databases.ask("round", "CHECKPOINT")
    stage.redis.flush()
    return ours.Platform(stage, url, ours.key(stage))


def _bare(stage: Stage, kind: str) -> Sample:
    paths = [BARE_PATHS[kind].format(number) for number in range(1, MAILS)]
    script = load.getting(stage.room("load") / "get.lua", paths)
    with bare.serving(stage) as (port, pid):
        return _measured(stage, port, lambda: [pid], script, "")


def _measured(stage: Stage, port: int, web: Roots, script: Path, event: str) -> Sample:
    before = load.applied(port, script, load.WARM_UP_SECONDS)
    meter = Meter({"web": web, **stage.processes()})
    meter.begin()
    taken = load.applied(port, script, max(2, SECONDS * stage.extent.scale))
    used = meter.used()
    answered, stored = before.answered + taken.answered, _stored(stage, event)
    if stored < answered:
        raise RuntimeError(f"{answered} hits were answered, {stored} are stored")
    return Sample(taken.rate, per_mail(used, taken.answered))


def _stored(stage: Stage, event: str) -> int:
    rows = stage.databases.ask("round", *((STORED, event) if event else (BARE_STORED,)))
    return int(rows[0][0])


def _survives(stage: Stage, kind: str, paths: list[str]) -> bool:
    """Kill the web server in the middle of load; tell whether each answered hit is stored."""
    script = load.getting(stage.room("load") / "get.lua", paths)
    with _platform(stage) as platform:
        platform.start_web()
        command = load.command(platform.port, script, 4)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            time.sleep(2)
            platform.kill("web")
            answered = load.read(client.communicate()[0]).answered
        platform.start_web()
        with suppress(RuntimeError):  # the count says it
            until(lambda: _stored(stage, KINDS[kind]) >= answered, "all came home", HOME_SECONDS)
        stored = _stored(stage, KINDS[kind])
        say(f"  {kind}: kill -9 under load: {answered:,} answered, {stored:,} stored")
        return stored >= answered
