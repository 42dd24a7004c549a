"""`make demo-mx`: exit status 1 says that a step did not come out as it must."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.demo.stage import Stage
from tests.demo.story import Disproved, steps


def say(line: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def play(stage: Stage) -> bool:
    """Go through the steps; tell whether all came out as they must."""
    for title, step in steps():
        began = time.monotonic()
        try:
            seen = step(stage)
        except (Disproved, AssertionError) as error:
            say(f"FAILED  {title}: {error}")
            return False
        say(f"ok      {title}\n        {seen} ({time.monotonic() - began:.1f} s)")
    return True


def main() -> int:
    """Set the stage and play."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument(
        "--first-retry",
        type=float,
        default=300,
        help="seconds after which a deferred mail is tried again (as in production: 300)",
    )
    parser.add_argument("--greylisted", type=float, default=60, help="seconds of greylisting")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailer-demo-"))
    folder.chmod(0o755)
    say(f"DNS, Postfix, aiosmtpd, a greylister and the platform, on this machine; logs in {folder}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended
    with Stage(folder, arguments.first_retry, arguments.greylisted) as stage:
        return 0 if play(stage) else 1


if __name__ == "__main__":
    sys.exit(main())
