"""Runs a program and ends it when standard input closes, which the death of its holder does too.

Usage: leash.py NAME GRACE_SECONDS PROGRAM [ARGUMENT...]

The program gets a process group of its own, so that Ctrl-C reaches only the holder. When standard
input ends, the program gets SIGTERM, and after the grace SIGKILL, with all that it started. Each
line that it writes is passed on behind NAME. Standard library only: started by its path, this
costs a few milliseconds and megabytes.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO

STANDARD_INPUT = 0
OUTPUT_SECONDS = 1.0


def main(name: str, grace: str, *command: str) -> int:
    """Run `command` and return its exit status, as a shell would give it."""
    program = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    assert program.stdout
    copying = threading.Thread(target=copy_lines, args=(program.stdout, name), daemon=True)
    copying.start()
    threading.Thread(target=end_with_input, args=(program, float(grace)), daemon=True).start()
    status = program.wait()
    kill_group(program.pid)
    copying.join(OUTPUT_SECONDS)
    return status if status >= 0 else 128 - status


def copy_lines(lines: IO[bytes], name: str) -> None:
    """Pass on each line in one write, so that several programs can share a terminal."""
    for line in lines:
        with suppress(OSError):  # nobody reads any more; the program must not stall for it
            os.write(sys.stdout.fileno(), f"{name} | ".encode() + line)


def end_with_input(program: "subprocess.Popen[bytes]", grace: float) -> None:
    """Wait until standard input ends, then end the program."""
    while os.read(STANDARD_INPUT, 1024):
        pass
    program.terminate()
    try:
        program.wait(grace)
    except subprocess.TimeoutExpired:
        kill_group(program.pid)


def kill_group(leader: int) -> None:
    """Kill what is left of the process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # a thread still waits for standard input
