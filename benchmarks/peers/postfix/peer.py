"""Postfix as a contender: takes mails by smtp-source and relays them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from email.message import EmailMessage
from pathlib import Path

from benchmarks.cpu import Meter, per_mail
from benchmarks.mails import SENDER, mail
from benchmarks.measure import Sample, until
from benchmarks.peers.postfix.instance import Postfix, source
from benchmarks.sinks import Sink
from benchmarks.stage import Stage

NAME = "Postfix"


def relay(
    stage: Stage,
    sink: Callable[[], AbstractContextManager[Sink]],
    count: int,
    *,
    in_flow_delay: str,
) -> Sample:
    """Give it `count` mails; from the first connection to the last mail at the sink. Mails/s."""
    folder = stage.room("postfix")
    message = _written(folder / "message")
    with sink() as server, Postfix(folder, server.port, in_flow_delay) as postfix:
        kinds = {"peer": postfix.pids, "sink": server.pids}
        meter = Meter(kinds)
        meter.begin()
        begins = time.monotonic()
        with subprocess.Popen(source(postfix.port, message, count)) as client:
            ends = until(lambda: server.taken() >= count, "Postfix relayed all")
            used = meter.used()
        if client.returncode:
            raise RuntimeError(f"smtp-source ended with {client.returncode}")
    return Sample(count / (ends - begins), per_mail(used, count))


def _written(path: Path) -> Path:
    """Write the mail as a file for smtp-source: it sends one and the same."""
    item, message = mail(1), EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, item.address, item.subject
    message["Message-ID"], message["Date"] = "<1@example.com>", "Thu, 31 Jan 2030 09:00:00 +0000"
    message.set_content(item.text)
    message.add_alternative(item.html, subtype="html")
    path.write_bytes(message.as_bytes())
    return path
