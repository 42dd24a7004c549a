"""An SMTP server that misbehaves by a plan and writes down what it took and what it refused.

`python -m tests.chaos.sink PORT SEED LEDGER STALL`: STALL is the longest silence, in seconds.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import sys
import threading
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

from tests.chaos.faults import Fault, Plan
from tests.chaos.names import ADDRESSES

TARPIT_SECONDS = 1.5  # shorter than what a worker is granted to shut down
MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
ADDRESS = re.compile(rb"<([^>]*)>")
ANSWERS = {
    Fault.REFUSE_RCPT: (b"550 5.1.1 no such user\r\n", "refused"),
    Fault.DEFER_RCPT: (b"450 4.2.1 busy\r\n", "deferred"),
    Fault.CLOSE_RCPT: (b"421 4.3.2 going down\r\n", "deferred"),
    Fault.REFUSE_DOT: (b"554 5.6.0 not this one\r\n", "refused"),
    Fault.DEFER_DOT: (b"451 4.3.0 later\r\n", "deferred"),
}


class Hangup(Exception):
    """The connection ends here, without a word."""


class Memory:
    """What all addresses of the sink share: the plan, and the ledger.

    A line is on the disk before the answer leaves.
    """

    def __init__(self, plan: Plan, ledger: Path, stall: float) -> None:
        self.plan, self.stall = plan, stall
        self.visits = count(1)
        self._ledger = ledger.open("ab", buffering=0)
        self._writing = threading.Lock()
        self._attempts: Counter[str] = Counter()

    def next_fault(self, address: str) -> Fault:
        """Return what befalls this try at an address."""
        with self._writing:
            self._attempts[address] += 1
            attempt = self._attempts[address]
        return self.plan.fault(address, attempt)

    def write(self, **line: Any) -> None:
        """Add a line to the ledger, durably."""
        with self._writing:
            self._ledger.write(json.dumps(line).encode() + b"\n")
            os.fdatasync(self._ledger.fileno())


class Sink(socketserver.ThreadingTCPServer):
    """The server at one address."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, memory: Memory) -> None:
        super().__init__((address, port), Visit)
        self.memory = memory


class Visit(socketserver.StreamRequestHandler):
    """One connection. A mail has one recipient here, as the platform sends it."""

    server: Sink
    timeout = 60
    disable_nagle_algorithm = True  # replies to a pipeline go out one by one, and at once

    def setup(self) -> None:
        """Take a number."""
        super().setup()
        self.memory = self.server.memory
        self.number = next(self.memory.visits)
        self._forget()

    def _forget(self) -> None:
        self.sender = self.address = ""
        self.fault = Fault.NONE

    def handle(self) -> None:
        """Converse until somebody hangs up."""
        try:
            self._welcome()
            while line := self.rfile.readline(4096):
                self._obey(line)
        except (Hangup, OSError):
            return

    def _welcome(self) -> None:
        if not self.memory.plan.welcomes(self.number):
            self._say(b"421 4.3.2 too many of you\r\n")
            raise Hangup
        self._say(b"220 sink.example ESMTP\r\n")

    def _say(self, answer: bytes) -> None:
        self.wfile.write(answer)

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper().strip()
        if verb == b"EHLO":
            self._say(b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n")
            self._say(b"250 ENHANCEDSTATUSCODES\r\n")
        elif verb == b"MAIL":
            self._forget()
            self.sender = _address(line)
            self._say(b"250 2.1.0 ok\r\n")
        elif verb == b"RCPT":
            self._take_recipient(_address(line))
        elif verb == b"DATA":
            self._take_data()
        elif verb == b"RSET":
            self._forget()
            self._say(b"250 2.0.0 ok\r\n")
        else:
            self._say(b"221 2.0.0 bye\r\n")
            raise Hangup

    def _take_recipient(self, address: str) -> None:
        self.address, self.fault = address, self.memory.next_fault(address)
        if self.fault in (Fault.REFUSE_RCPT, Fault.DEFER_RCPT, Fault.CLOSE_RCPT):
            self._decline()
            self.address = ""
            return
        if self.fault is Fault.STALL_RCPT:
            time.sleep(self.memory.stall)
        self._say(b"250 2.1.5 ok\r\n")

    def _take_data(self) -> None:
        if not self.address:
            self._say(b"503 5.5.1 no valid recipients\r\n")
            return
        self._say(b"354 go on\r\n")
        content = self._content()
        self._judge(MESSAGE_ID.search(content))
        self._forget()

    def _content(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
            if not line.endswith(b"\n"):  # the other side hung up: no dot, no mail
                raise Hangup
            if self.fault is Fault.DROP_DATA and len(lines) > 3:
                self._write("dropped")
                raise Hangup
        return b"".join(lines)

    def _judge(self, named: re.Match[bytes] | None) -> None:
        message_id = named[1].decode() if named else ""
        if self.fault in ANSWERS:
            self._decline(message_id)
        elif self.fault is Fault.DROP_DOT:
            self._write("dropped", message_id)
            raise Hangup
        else:
            self._take(message_id)

    def _take(self, message_id: str) -> None:
        self._write("taken", message_id)
        if self.fault is Fault.TAKE_AND_DROP:
            raise Hangup
        if self.fault is Fault.TARPIT_DOT:
            time.sleep(TARPIT_SECONDS)
        self._say(b"250 2.0.0 taken\r\n")

    def _decline(self, message_id: str = "") -> None:
        answer, verdict = ANSWERS[self.fault]
        self._write(verdict, message_id)
        self._say(answer)
        if self.fault is Fault.CLOSE_RCPT:
            raise Hangup

    def _write(self, verdict: str, message_id: str = "") -> None:
        self.memory.write(
            at=time.time(),
            verdict=verdict,
            fault=self.fault,
            mail_from=self.sender,
            rcpt_to=self.address,
            message_id=message_id,
            connection=self.number,
        )


def _address(line: bytes) -> str:
    named = ADDRESS.search(line)
    return named[1].decode() if named else ""


def main() -> None:
    """Serve until ended."""
    port, seed, ledger, stall = sys.argv[1:]
    memory = Memory(Plan(int(seed)), Path(ledger), float(stall))
    servers = [Sink(address, int(port), memory) for address in ADDRESSES]
    for sink in servers[1:]:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
