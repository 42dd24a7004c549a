"""Clients that post mail, repeat what was not answered, and write down every answer."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import requests

from tests.chaos.faults import HOPELESS, Fault, Plan
from tests.chaos.names import DOMAINS

CLIENTS: Final = 6
KINDS: Final = frozenset({"single", "batch", "scheduled", "cancelled"})
TRY_SECONDS: Final = 15.0
PAUSE_SECONDS: Final = 0.3
HTML = '<h1>Your order</h1><p><a href="https://shop.example/orders/{n}">It</a> is on its way.</p>'


@dataclass(slots=True)
class Posted:
    """One mail as its client knows it."""

    address: str
    kind: str  # of KINDS, or wrong
    scheduled_at: float | None = None  # seconds since the epoch
    message_id: str = ""  # "" where it was refused, or never answered
    answered: bool = False
    cancelled: bool = False  # its client was told so


class Book:
    """What all clients were told: kept here, and a line of JSON each in two files.

    `clients.jsonl` has what became of each mail, `answers.jsonl` each answer, or that none came.
    """

    def __init__(self, folder: Path) -> None:
        self.mails: list[Posted] = []
        self.answers: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self.faults: list[str] = []  # of the clients themselves: what they then had in hand is lost
        self._mails = (folder / "clients.jsonl").open("a", buffering=1)
        self._answers = (folder / "answers.jsonl").open("a", buffering=1)
        self._lock = threading.Lock()

    def write(self, mail: Posted) -> None:
        """Write down what became of a mail's request."""
        with self._lock:
            self.mails.append(mail)
            self._mails.write(json.dumps(asdict(mail)) + "\n")

    def answer(self, request: Request, said: requests.Response | None, expected: bool) -> None:
        """Write an answer down, or that none came, and keep those that must not be."""
        status = said.status_code if said is not None else None
        replayed = said is not None and "Idempotency-Replayed" in said.headers
        line = {**asdict(request), "at": time.time(), "status": status, "replayed": replayed}
        with self._lock:
            self._answers.write(json.dumps(line) + "\n")
            self.answers[_name_of(status, replayed)] += 1
            if said is not None and not expected:
                self.unexpected.append(f"{said.status_code} {said.url} {said.text[:300]}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, again and again under the same key until there is an answer."""

    client: str
    path: str
    key: str


class Client(threading.Thread):
    """Posts until `ends`; what is unanswered then is repeated until `gives_up` (monotonic).

    It begins nothing new while `may_post` is not set.
    """

    def __init__(self, name: str, seed: int, url: str, key: str, book: Book) -> None:
        super().__init__(name=name, daemon=True)
        self._dice = Random(f"{seed} {name}")
        self._plan, self._refused = Plan(seed), list[str]()  # addresses that are refused at once
        self._url, self._book = url, book
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {key}"
        self._number = 0
        self.ends = self.gives_up = 0.0
        self.domains: Sequence[str] = DOMAINS[:1]
        self.may_post = threading.Event()

    def run(self) -> None:
        """Post mail of all kinds."""
        try:
            self._post_all()
        except Exception as error:  # what it had in hand would be missed by nobody
            self._book.faults.append(f"client {self.name} broke off: {error!r}")
            raise

    def _post_all(self) -> None:
        deeds = {
            self._single: 10,
            self._batch: 3,
            self._scheduled: 4,
            self._cancelled: 4,
            self._again: 2,
        }
        while time.monotonic() < self.ends:
            if self.may_post.wait(PAUSE_SECONDS):
                self._dice.choices(list(deeds), list(deeds.values()))[0]()
                time.sleep(self._dice.uniform(0, 0.1))

    # What a client does

    def _single(self) -> None:
        mail = self._mail("single")
        self._hand_in([mail], "/api/emails", self._body(mail))

    def _again(self) -> None:
        """Write to an address, in other letters, that may be on the list by now."""
        if self._refused:
            user, _, domain = self._refused.pop().partition("@")
            mail = Posted(f"{user.upper()}@{domain}", "again")
            self._hand_in([mail], "/api/emails", self._body(mail))

    def _batch(self) -> None:
        kinds = self._dice.choices(["batch", "wrong"], [9, 1], k=self._dice.randint(2, 20))
        mails = [self._mail(kind) for kind in kinds]
        self._hand_in(mails, "/api/emails/batch", [self._body(mail) for mail in mails])

    def _scheduled(self) -> None:
        mail = self._mail("scheduled", time.time() + self._dice.uniform(0.5, 10))
        self._hand_in([mail], "/api/emails", self._body(mail))

    def _cancelled(self) -> None:
        """Take a mail back when it is about to go, so that both sometimes win."""
        wait = self._dice.uniform(0.2, 4)
        mail = self._mail("cancelled", time.time() + wait)
        answer = self._ask("/api/emails", self._body(mail))
        self._note([mail], answer)
        if mail.message_id:
            time.sleep(max(0, wait + self._dice.uniform(-0.5, 0.5)))
            mail.cancelled = self._cancel(mail.message_id)
        self._book.write(mail)

    def _cancel(self, message_id: str) -> bool:
        said = self._ask("/api/emails/cancel", {"email_id": message_id}, (200, 409))
        if said is None or said.status_code == 200:
            return said is not None
        # Nobody else cancels: then an attempt of ours that was not answered did it.
        return bool(said.json()["error"]["code"] == "already_cancelled")

    # How it does it

    def _mail(self, kind: str, scheduled_at: float | None = None) -> Posted:
        self._number += 1
        start = HOPELESS if self._dice.random() < 0.02 else "m"
        domain = "-wrong-" if kind == "wrong" else self._dice.choice(self.domains)
        address = f"{start}-{self.name}-{self._number}@{domain}"
        if kind != "wrong" and self._plan.fault(address, 1) is Fault.REFUSE_RCPT:
            self._refused.insert(0, address)
        return Posted(address, kind, scheduled_at and round(scheduled_at, 3))

    def _body(self, mail: Posted) -> dict[str, Any]:
        body: dict[str, Any] = {
            "to_email": mail.address,
            "to_name": "Ann",
            "from_email": "shop@example.com",
            "subject": f"Your order {self._number}",
            "html_body": HTML.format(n=self._number),
        }
        if mail.scheduled_at:
            body["scheduled_at"] = datetime.fromtimestamp(mail.scheduled_at, UTC).isoformat()
        if mail.address.startswith(HOPELESS):
            body["expires_in"] = 5
        return body

    def _hand_in(self, mails: list[Posted], path: str, body: Any) -> None:
        self._note(mails, self._ask(path, body))
        for mail in mails:
            self._book.write(mail)

    @staticmethod
    def _note(mails: list[Posted], answer: requests.Response | None) -> None:
        if answer is None:
            return
        told = answer.json().get("data", [answer.json()])
        for mail, one in zip(mails, told, strict=True):
            mail.answered, mail.message_id = True, one.get("message_id", "")

    def _ask(
        self, path: str, body: Any, wanted: tuple[int, ...] = (202,)
    ) -> requests.Response | None:
        """Post, with one key however often, until there is an answer; None when there is none."""
        key = str(uuid.UUID(int=self._dice.getrandbits(128)))
        request = Request(self.name, path, key)
        while time.monotonic() < self.gives_up:
            said = self._try(path, body, {"Idempotency-Key": key})
            final = said is not None and said.status_code in wanted
            self._book.answer(request, said, final or (said is not None and _may_be_repeated(said)))
            if final:
                return said
            time.sleep(PAUSE_SECONDS)
        return None

    def _try(self, path: str, body: Any, key: dict[str, str]) -> requests.Response | None:
        try:
            return self._http.post(
                f"{self._url}{path}", json=body, headers=key, timeout=TRY_SECONDS
            )
        except requests.RequestException:  # killed, or not back yet
            return None


def _name_of(status: int | None, replayed: bool) -> str:
    return f"{status or 'no answer'}{', replayed' if replayed else ''}"


def _may_be_repeated(said: requests.Response) -> bool:
    return said.status_code in (409, 503) and "Retry-After" in said.headers
