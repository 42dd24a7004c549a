"""Starts and ends a Postfix with its own configuration, queue and data in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Self

from benchmarks.measure import until
from benchmarks.sinks import found_in_sbin, listens
from tests.servers import HOST, ending_with_us, free_port

USER, GROUP = "postfix", "postdrop"
# Fast and durable: its queue files are synced as ever, nothing is looked up, nothing is logged.
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{sink}
relay_domains = example.org
alias_maps =
alias_database =
local_recipient_maps =
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
default_destination_concurrency_limit = 50
initial_destination_concurrency = 50
smtp_destination_recipient_limit = 1
relay_destination_recipient_limit = 1
smtp_connection_cache_destinations = [127.0.0.1]:{sink}
in_flow_delay = {in_flow_delay}
"""
MASTER = """
{smtpd} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
"""
SPOOLS = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming")


class Postfix:
    """A context manager; only root can start one."""

    def __init__(self, folder: Path, sink: int, in_flow_delay: str) -> None:
        self.folder, self.port = folder, free_port()
        self._values = {"folder": folder, "sink": sink, "in_flow_delay": in_flow_delay}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise RuntimeError("only root can start Postfix")
        self._lay_out()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ending_with_us([*self._postfix(), "start-fg"]), stdout=log, stderr=log
            )
        until(lambda: listens(self.port), "Postfix answered", 20)
        return self

    def _postfix(self) -> list[str]:
        return [found_in_sbin("postfix"), "-c", str(self.folder / "etc")]

    def _lay_out(self) -> None:
        for path in [self.folder, *self.folder.parents]:  # its daemons run as another user
            if path.stat().st_uid == os.geteuid() and not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)
        etc, queue, data = (self.folder / name for name in ("etc", "queue", "data"))
        for place in (etc, queue, data):
            place.mkdir()
        shutil.chown(data, USER)
        for name in (*SPOOLS, "private", "public", "maildrop", "pid", "saved", "trace"):
            (queue / name).mkdir(mode=0o710 if name == "public" else 0o700)
            if name != "pid":
                shutil.chown(queue / name, USER)
        shutil.chown(queue / "public", USER, GROUP)
        (queue / "maildrop").chmod(0o730)
        shutil.chown(queue / "maildrop", USER, GROUP)
        (etc / "main.cf").write_text(MAIN.format(**self._values))
        (etc / "master.cf").write_text(MASTER.format(smtpd=self.port))

    def pids(self) -> list[int]:
        """Return its process, to be measured."""
        return [self.process.pid] if self.process else []

    def __exit__(self, *_: object) -> None:
        if not self.process:
            return
        subprocess.run([*self._postfix(), "stop"], capture_output=True, check=False)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(15)
        time.sleep(0.1)  # its children see that their master is gone


def source(port: int, message: Path, count: int) -> list[str]:
    """Return the command that gives it `count` times a message over 20 connections."""
    words = ["-s", "20", "-m", str(count), "-d", "-N", "-F", str(message)]
    ends = ["-f", "shop@example.com", "-t", "reader@example.org", f"{HOST}:{port}"]
    return [found_in_sbin("smtp-source"), *words, *ends]
