"""The embedded broker: Celery's messages as files in a folder, for a machine without Redis.

It carries bells, which may be lost or doubled but must not pile up: a queue holds a bounded
number of messages, the oldest going first. Kombu's own filesystem transport looks once a second
and lets readers see half-written files, which is why this one exists.
"""

import logging
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any, cast
from urllib.parse import quote

from kombu import Connection
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

MAX_WAITING = 200
POLL_SECONDS = 0.05
LONGEST_WAIT = 0.2  # seconds; a worker waits two, and hears only then that it is asked to end
ABANDONED_SECONDS = 60


class FolderQueue:
    """A queue of messages, a file each: any number of processes may write and read at once.

    A message appears under its name all at once, by a rename; whoever unlinks it has received it.
    Names begin with the time, so that their order is that of arrival.
    """

    def __init__(self, folder: Path, max_waiting: int) -> None:
        self.folder = folder
        self.max_waiting = max_waiting
        self._listed: list[str] = []  # newest first, so that the next one is popped from the end

    def create(self) -> None:
        """Make the folder, and clear away what a writer that was killed left half-written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - ABANDONED_SECONDS
        for partial in self.folder.glob("*.partial"):
            if _modified(partial) < oldest:
                partial.unlink(missing_ok=True)

    def put(self, payload: Any) -> None:
        """Add a message, and drop the oldest ones beyond the bound. Raises OSError."""
        name = f"{time.time_ns():020}-{uuid.uuid4().hex}"
        partial = self.folder / f"{name}.partial"
        try:
            partial.write_text(dumps(payload))
        except FileNotFoundError:  # somebody removed the folder under us
            self.create()
            partial.write_text(dumps(payload))
        partial.rename(self.folder / f"{name}.message")
        names = self._names()
        for excess in sorted(names)[: max(0, len(names) - self.max_waiting)]:
            (self.folder / excess).unlink(missing_ok=True)

    def get(self) -> dict[str, Any]:
        """Remove and return the oldest message; raises Empty when there is none."""
        self._listed = self._listed or sorted(self._names(), reverse=True)
        while self._listed:
            file = self.folder / self._listed.pop()
            try:
                content = file.read_bytes()
                file.unlink()
            except FileNotFoundError:  # another reader was faster
                continue
            try:
                return _decoded(content)
            except ValueError:
                logger.warning("removed a message that can't be read: %s", file)
        raise Empty

    def purge(self) -> int:
        """Remove every message and return how many they were."""
        names = self._names()
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        return len(names)

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        try:
            return [file.name for file in self.folder.iterdir() if file.suffix == ".message"]
        except FileNotFoundError:
            return []


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # renamed meanwhile
        return time.time()


def _decoded(content: bytes) -> dict[str, Any]:
    payload = loads(content)
    if not isinstance(payload, dict) or not {"body", "properties"} <= payload.keys():
        raise ValueError("not a message")
    return cast("dict[str, Any]", payload)


class Channel(virtual.Channel):
    """Queues as folders below the transport option `folder`."""

    supports_fanout = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._queues: dict[str, FolderQueue] = {}
        super().__init__(*args, **kwargs)

    def _queue(self, name: str) -> FolderQueue:
        if name not in self._queues:
            options = cast("Connection", self.connection.client).transport_options or {}
            folder = Path(options["folder"]) / f"{quote(name, safe='')}.queue"
            queue = FolderQueue(folder, options.get("max_waiting", MAX_WAITING))
            queue.create()
            self._queues[name] = queue
        return self._queues[name]

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        self._queue(queue)

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        self._queue(queue).put(message)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        return self._queue(queue).get()

    def _purge(self, queue: str) -> int:
        return self._queue(queue).purge()

    def _size(self, queue: str) -> int:
        return len(self._queue(queue))


class Transport(virtual.Transport):
    """`embedded://`, with the transport options `folder` and `max_waiting`."""

    Channel = Channel
    global_state = virtual.BrokerState()  # exchanges and bindings; each process declares its own
    polling_interval = POLL_SECONDS
    connection_errors = (*virtual.Transport.connection_errors, OSError)  # a full or lost disk
    default_port = 0
    driver_type = driver_name = "embedded"

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.global_state

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Deliver one message. Raises TimeoutError after LONGEST_WAIT, or after less on request."""
        wait = None if timeout is None else min(timeout, LONGEST_WAIT)
        super().drain_events(connection, timeout=wait, **kwargs)

    def driver_version(self) -> str:
        """Return the version of the driver: there is none."""
        return "N/A"
