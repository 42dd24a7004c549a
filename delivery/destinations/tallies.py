"""What this process has at each destination: the state that every budget works on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from delivery.destinations.allowance import Bucket
from delivery.destinations.directory import Destination, Directory
from delivery.destinations.level import Level
from delivery.transports.budget import Limits

OTHERS = "others"
MOST_KEPT = 5000  # hosts; those of which nothing is to be remembered are forgotten beyond


class Tally:
    """One destination as this process sees it. Whoever changes it holds its lock, briefly."""

    def __init__(self, destination: Destination) -> None:
        self.name = destination.name
        self.known = destination.known
        self.refusals = 0  # connections and mails that had to wait
        self.lock = threading.Lock()
        self.open = 0  # connections of this process
        self.level = Level(destination.limits.connections)
        self.bucket = Bucket()
        self.limits = destination.limits

    @property
    def label(self) -> str:
        """Its name in metrics: hosts of their own are too many to have one each."""
        return self.name if self.known else OTHERS

    def allow(self, limits: Limits) -> None:
        """Take other limits."""
        with self.lock:
            self.limits = limits
            self.level.allow(limits.connections)

    def is_blank(self, time: float) -> bool:
        """Tell whether nothing is lost with it."""
        low = self.level.now(time) < self.limits.connections
        return not (self.open or low or self.bucket.was_used(time))


T = TypeVar("T", bound=Tally)


class Host(Generic[T]):
    """An MX host: where it is counted, and how many connections to it are."""

    def __init__(self, tally: T) -> None:
        self.tally = tally
        self.open = 0

    @contextmanager
    def locked(self) -> Iterator[T]:
        """Hold the lock of the tally that counts it, which may change while one waits for it."""
        while True:
            tally = self.tally
            with tally.lock:
                if tally is self.tally:
                    yield tally
                    return


class Tallies(Generic[T]):
    """Finds where a host is counted; follows the directory when staff change it."""

    def __init__(self, make: Callable[[Destination], T], clock: Callable[[], float]) -> None:
        self._make, self._clock = make, clock
        self._lock = threading.Lock()
        self._directory = Directory({})
        self._tallies: dict[str, T] = {}
        self._hosts: dict[str, Host[T]] = {}
        self.refusals: Counter[str] = Counter()  # of tallies that are forgotten, by label

    def host(self, name: str) -> Host[T]:
        """Return the entry of a host: a look into a dictionary, once it is known."""
        return self._hosts.get(name) or self._enter(name)

    def all(self) -> list[T]:
        """Return every tally."""
        with self._lock:
            return [*self._tallies.values()]

    def follow(self, directory: Directory) -> None:
        """Count every host where it belongs from now on, open connections too."""
        with self._lock:
            self._directory = directory
            for name, host in self._hosts.items():
                self._move(host, self._tally(directory.find(name)))
            self._forget()

    def _enter(self, name: str) -> Host[T]:
        with self._lock:
            if name not in self._hosts:
                if len(self._hosts) >= MOST_KEPT:
                    self._forget()
                self._hosts[name] = Host(self._tally(self._directory.find(name)))
            return self._hosts[name]

    def _tally(self, destination: Destination) -> T:
        tally = self._tallies.get(destination.name)
        if tally is None:
            tally = self._tallies[destination.name] = self._make(destination)
        elif tally.limits != destination.limits:
            tally.allow(destination.limits)
        return tally

    @staticmethod
    def _move(host: Host[T], to: T) -> None:
        before = host.tally
        if before is not to:
            with before.lock, to.lock:  # nobody else holds two
                before.open -= host.open
                to.open += host.open
                host.tally = to

    def _forget(self) -> None:
        now = self._clock()
        blank = {name for name, tally in self._tallies.items() if tally.is_blank(now)}
        self._hosts = {
            name: host for name, host in self._hosts.items() if host.tally.name not in blank
        }
        used = {host.tally.name for host in self._hosts.values()}
        for name in self._tallies.keys() - used:
            tally = self._tallies.pop(name)
            self.refusals[tally.label] += tally.refusals
