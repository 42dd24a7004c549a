"""A process that shares a destination; its arguments: REDIS_URL PORT NAME THREADS.

It ends with its input. Each thread connects to the provider at PORT, where the budget lets it,
says that it goes, waits until the provider knows, and gives the connection back.
"""

import random
import socket
import sys
import threading
import time

from delivery.destinations.directory import Directory
from delivery.destinations.shared import SharedBudget
from delivery.transports.budget import Limits

HOST = "mx.example.org"
LIMITS = Limits(10, 100)


def visit(port: int, name: str) -> None:
    """Connect, stay a moment, and leave."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(name.encode())
        time.sleep(random.uniform(0, 0.03))
        client.sendall(b"x")
        client.recv(1)


def work(budget: SharedBudget, port: int, name: str, ending: threading.Event) -> None:
    """Visit again and again."""
    while not ending.is_set():
        if budget.open(HOST):
            visit(port, name)
            budget.closed(HOST)
        else:
            time.sleep(0.01)


def main() -> None:
    """Work until the standard input ends."""
    url, port, name, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    budget = SharedBudget(url)
    budget.follow(Directory({"example.org": LIMITS}))
    ending = threading.Event()
    crew = [
        threading.Thread(target=work, args=(budget, port, name, ending)) for _ in range(threads)
    ]
    for thread in crew:
        thread.start()
    print("ready", flush=True)  # noqa: T201
    sys.stdin.read()
    ending.set()
    for thread in crew:
        thread.join()
    budget.close()
