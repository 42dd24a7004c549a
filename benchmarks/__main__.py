"""`python -m benchmarks [CASE ...] [--rounds N] [--scale F] [--json FILE] [--markdown FILE]`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks.cases import CASES, Case, chosen
from benchmarks.machine import described
from benchmarks.measure import say
from benchmarks.report import Row, as_json, as_markdown, as_table
from benchmarks.stage import Extent, Stage


def main() -> int:
    """Measure and print; the exit status is 1 where something could not be measured."""
    options = _options()
    if options.list:
        sys.stdout.writelines(f"{case.name:<12} {case.about}\n" for case in CASES)
        return 0
    try:
        cases = chosen(options.case)
    except ValueError as error:
        sys.exit(f"error: {error}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends too
    with Stage(Extent(options.rounds, options.scale)) as stage:
        rows, failed = _measured(stage, cases)
        about = described(stage)
    sys.stdout.write(as_table(rows) + "\n")
    if options.json:
        options.json.write_text(as_json(rows, about) + "\n", encoding="utf-8")
    if options.markdown:
        said = "".join(f"- {name}: {value}\n" for name, value in about.items())
        command = " ".join(["python -m benchmarks", *sys.argv[1:]])
        text = f"`{command}`\n\n{said}\n{as_markdown(rows)}"
        options.markdown.write_text(text, encoding="utf-8")
    return 1 if failed else 0


def _measured(stage: Stage, cases: list[Case]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    failed = []
    for case in cases:
        begins = time.monotonic()
        say(f"{case.name}: {case.about}")
        try:
            rows += case.run(stage)
        except Exception as error:  # noqa: BLE001 - the other cases can still be measured
            say(f"  {case.name} could not be measured: {error!r}")
            failed.append(case.name)
        say(f"  {time.monotonic() - begins:.0f} s")
    return rows, failed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("case", nargs="*", help="what to measure (all)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are taken")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of mails")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="name the cases")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
