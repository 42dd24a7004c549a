"""The doorbell: tells the workers that there is work, and can be lost without harm.

The database is the queue (docs/adr/0001-rows-as-queue.md). A bell carries no mail and no id; a
lost one costs the seconds until a pump looks by itself, a doubled one nothing.
"""

import atexit
import logging
import os
import threading
import time

from celery import current_app

from emails.metrics import BELLS_LOST, BELLS_PUBLISHED

logger = logging.getLogger(__name__)

BELL = "delivery.ring"
BELL_EXPIRES_SECONDS = 10
PAUSE_SECONDS = 0.02
COMPLAIN_EVERY_SECONDS = 30.0


class Doorbell:
    """Rings from a thread of its own, so that a dead broker neither blocks nor fails a request.

    However often `ring` is called, the process rings at most every 20 ms: the first at once,
    and always once more after the last call.
    """

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._complained_at = -COMPLAIN_EVERY_SECONDS

    def ring(self) -> None:
        """Have the bell rung soon; returns at once and never raises."""
        self._wanted.set()
        if self._thread is None or self._process != os.getpid():  # threads do not survive a fork
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or self._process != os.getpid():
                self._process = os.getpid()
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            self._publish()
            time.sleep(PAUSE_SECONDS)

    def _publish(self) -> None:
        try:
            current_app.send_task(
                BELL, expires=BELL_EXPIRES_SECONDS, ignore_result=True, retry=False
            )
        except Exception as error:  # noqa: BLE001  whatever the broker's library raises
            BELLS_LOST.inc()
            self._complain(error)
        else:
            BELLS_PUBLISHED.inc()

    def _complain(self, error: Exception) -> None:
        """Say it now and then: mail still flows, because the pumps look by themselves."""
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_EVERY_SECONDS:
            self._complained_at = now
            logger.warning("the broker is out of reach, bells are lost: %r", error)

    def flush(self) -> None:
        """Ring once more before the process ends, if a bell is still wanted."""
        if self._wanted.is_set():
            self._publish()


doorbell = Doorbell()
ring = doorbell.ring
atexit.register(doorbell.flush)
