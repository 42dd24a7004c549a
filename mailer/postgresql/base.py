"""Django's PostgreSQL, with a look at the socket instead of a query before each request."""

from select import POLLIN, poll
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Knows a connection that its server has closed without asking the server.

    CONN_HEALTH_CHECKS has Django send `SELECT 1` in each request: a round trip that costs as much
    as finding the caller. But a server that ends says so, and its word waits in the socket.
    """

    def is_usable(self) -> bool:
        """Tell whether a query may be sent; asks the server only where there is a doubt."""
        if self.errors_occurred or _something_waits(self.connection):
            return bool(super().is_usable())
        return True


def _something_waits(connection: Any) -> bool:
    """Tell whether an idle connection has something to read: its end, or a harmless notice."""
    if connection is None or connection.closed:
        return True
    look = poll()  # select() can't take a large file descriptor
    look.register(connection.fileno(), POLLIN)
    return bool(look.poll(0))
