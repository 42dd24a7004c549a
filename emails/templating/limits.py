"""How much one rendering may write, copy and compute before it is stopped."""

from dataclasses import dataclass
from time import monotonic, thread_time

from .errors import RenderFailed


@dataclass(frozen=True, slots=True)
class Limits:
    """`output` in characters, `work` in characters or items that filters read and make, `seconds`
    of processor time of the thread, so that a worker that was paused fails nobody's mail."""

    output: int = 2_000_000
    work: int = 10_000_000
    seconds: float = 1.0


class Meter:
    """Counts one rendering against its limits.

    What was counted stays counted: `{% if %}` swallows exceptions of its condition, so that the
    next node has to fail again.
    """

    __slots__ = ("_cpu", "_limits", "_output", "_wall", "_work")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._output = 0
        self._work = 0
        self._wall = monotonic()
        self._cpu = thread_time()

    def tick(self) -> None:
        """Called at every node, filter and turn of a loop."""
        # The wall clock costs a tenth of the other, and runs at least as fast.
        seconds = self._limits.seconds
        if monotonic() - self._wall > seconds and thread_time() - self._cpu > seconds:
            raise RenderFailed(f"Rendering took longer than {seconds:g} s.")
        if self._work > self._limits.work:
            raise RenderFailed("The filters handle too much text for one email.")

    def wrote(self, size: int) -> None:
        """Only leaves of the template count: a block's output is what its leaves wrote."""
        self._output += size
        if self._output > self._limits.output:
            raise RenderFailed(f"The result is longer than {self._limits.output:,} characters.")

    def worked(self, size: int) -> None:
        """Counts before the work is done wherever the size can be known before."""
        self._work += size
        self.tick()
