"""Steps at which a test can have the process die, as a power cut would end it.

`CRASH_AT` names one of STEPS. tests/test_crash_points.py walks all of them.
"""

import os

STEPS = ("after_claim", "after_compose", "before_dot", "after_dot", "before_settle", "after_settle")
EXIT_STATUS = 70

_crash_at = os.environ.get("CRASH_AT", "")


def reached(step: str) -> None:
    """Die here, without a word or a cleanup, if this is the step."""
    if step == _crash_at:
        os._exit(EXIT_STATUS)
