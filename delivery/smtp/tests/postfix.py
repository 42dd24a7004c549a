"""Postfix and its test server smtp-sink, with what they received: thrown away at the end.

Both keep lines with LF ends, and lay headers of their own on top.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.servers import HOST, Server, output, unprivileged_user

PATIENCE = 30.0
"""Seconds in which a mail must have been delivered."""

INBOX = "inbox@example.net"
"""Whose mail Postfix keeps."""

MAIN_CF = """
compatibility_level = 3.6
config_directory = {folder}/config
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.1
myhostname = postfix.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
virtual_mailbox_domains = example.net
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
"""
MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
anvil unix - - n - 1 anvil
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""


class MailServer(Server):
    """Answers with a greeting."""

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self.port}"

    @property
    def version(self) -> str:
        return type(self).__name__

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as client:
            return client.recv(3) == b"220"
        return False


class SmtpSink(MailServer):
    """Takes everything, but no BDAT."""

    def start(self) -> None:
        self.folder.chmod(0o755)
        self.dump = self.folder / "dump"
        self.dump.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.dump, unprivileged_user())
        super().start()

    def command(self) -> list[str]:
        user = ["-u", unprivileged_user()] if os.geteuid() == 0 else []
        where = ["-d", f"{self.dump}/", f"{HOST}:{self.port}", "100"]
        return ["smtp-sink", "-4", *user, *where]

    def received(self, count: int) -> set[bytes]:
        """So many messages, without the sink's headers; then they are forgotten."""
        return {each.removesuffix(b"\n") for each in take(self.dump, count)}


class Postfix(MailServer):
    """Only root can start it. It delivers mail to `INBOX` into a folder."""

    def start(self) -> None:
        self.inbox = self.folder / "mail" / "inbox" / "new"
        if not (self.folder / "config").exists():
            self._initialise()
        super().start()

    def _initialise(self) -> None:
        self.folder.chmod(0o755)
        for name in ("config", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        keeper = pwd.getpwnam(unprivileged_user())
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "mail", keeper.pw_uid)
        given = {"folder": self.folder, "port": self.port}
        given |= {"uid": keeper.pw_uid, "gid": keeper.pw_gid}
        for name, text in (("main.cf", MAIN_CF), ("master.cf", MASTER_CF)):
            (self.folder / "config" / name).write_text(text.format(**given))
        check = ["postfix", "-c", str(self.folder / "config"), "check"]  # makes the queue's folders
        subprocess.run(check, check=True, capture_output=True)

    def command(self) -> list[str]:
        programs = output("postconf", "-h", "daemon_directory").strip()
        return [f"{programs}/master", "-c", str(self.folder / "config"), "-s"]

    def received(self, count: int) -> set[bytes]:
        """So many messages, without Postfix's headers, once they are delivered; then forgotten."""
        return set(take(self.inbox, count))


def take(folder: Path, count: int) -> list[bytes]:
    """Wait for so many messages; read and remove them."""
    deadline = time.monotonic() + PATIENCE
    while len(paths := list(folder.glob("*"))) < count:
        assert time.monotonic() < deadline, f"{len(paths)} messages of {count} have come"
        time.sleep(0.01)
    messages = [without_trace(path.read_bytes()) for path in paths]
    for path in paths:
        path.unlink()
    return messages


def without_trace(message: bytes) -> bytes:
    """Cut the server's Received header off, with all above it and its continued lines."""
    lines = message.split(b"\n")
    end = next(number for number, line in enumerate(lines) if b"with ESMTP id" in line) + 1
    while lines[end][:1] in (b"\t", b" "):
        end += 1
    return b"\n".join(lines[end:])
