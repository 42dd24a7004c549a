"""What a worker has under way at once: so many mails, and so many bytes of them."""

from __future__ import annotations

from delivery.claim import Delivery


class InFlight:
    """Counted in the delivery thread alone.

    A message lies in memory for as long as its server takes: two hundred of 14 MB would be the end
    of a small machine, and of everything else that was under way, again and again. One alone is
    always begun, however large it is.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._mails = self._bytes = 0

    def has_room(self, delivery: Delivery) -> bool:
        """Tell whether it may be begun now."""
        if self._mails >= self._most:
            return False
        return not self._mails or self._bytes + delivery.size <= self._most_bytes

    def begin(self, delivery: Delivery) -> None:
        """Count it until its `end`."""
        self._mails += 1
        self._bytes += delivery.size

    def end(self, delivery: Delivery) -> None:
        """It left memory."""
        self._mails -= 1
        self._bytes -= delivery.size
