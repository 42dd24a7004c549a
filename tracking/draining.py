"""A thread of the web process that brings spooled hits home once the database is back."""

import logging
import threading
import time

from django.db import Error, close_old_connections, connection

from tracking.recorder import store_spooled

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


def start_draining() -> None:
    """Look every two seconds, beginning now: a process before this one may have left some."""
    threading.Thread(target=_run, name="spool", daemon=True).start()


def _run() -> None:
    while True:
        try:
            if store_spooled():
                connection.close()  # hits come seldom from here: hold no connection for them
        except (Error, OSError) as error:
            logger.debug("the spool waits: %s", error)
            close_old_connections()
        time.sleep(LOOK_SECONDS)
