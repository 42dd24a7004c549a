"""The embedded broker under several processes, kills, garbage and neglect."""

import multiprocessing
import os
import threading
import time
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Queue

from mailer import celery as _registers_the_alias  # noqa: F401
from mailer.broker import FolderQueue

SPAWN = multiprocessing.get_context("spawn")


def connection(folder: Path, **options: object) -> Connection:
    return Connection("embedded://", transport_options={"folder": str(folder), **options})


def payload(number: int) -> dict[str, Any]:
    return {"body": str(number), "properties": {}}


def produce(folder: Path, first: int, count: int) -> None:
    queue = FolderQueue(folder, max_waiting=10_000)
    queue.create()
    for number in range(first, first + count):
        queue.put(payload(number))


def consume(folder: Path, received: Any) -> None:
    queue = FolderQueue(folder, max_waiting=10_000)
    while not (folder / "done").exists():
        try:
            received.put(int(queue.get()["body"]))
        except Empty:
            time.sleep(0.001)


def put_for_ever(folder: Path) -> None:
    queue = FolderQueue(folder, max_waiting=50)
    queue.create()
    while True:
        queue.put(payload(0) | {"padding": "x" * 100_000})


def test_several_processes_write_and_read_each_message_once(tmp_path: Path) -> None:
    folder, received, total = tmp_path / "q", SPAWN.Queue(), 600
    folder.mkdir()
    readers = [
        SPAWN.Process(target=consume, args=(folder, received), daemon=True) for _ in range(2)
    ]
    writers = [
        SPAWN.Process(target=produce, args=(folder, 300 * n, 300), daemon=True) for n in range(2)
    ]
    for process in readers + writers:
        process.start()
    numbers = sorted(received.get(timeout=30) for _ in range(total))
    (folder / "done").touch()
    for process in readers + writers:
        process.join(10)
    assert numbers == list(range(total))
    assert received.empty()


def test_threads_that_share_no_queue_object_lose_nothing(tmp_path: Path) -> None:
    received: list[int] = []

    def read() -> None:
        queue = FolderQueue(tmp_path, max_waiting=10_000)
        while len(received) < 400:
            try:
                received.append(int(queue.get()["body"]))
            except Empty:
                time.sleep(0.001)

    threads = [threading.Thread(target=read) for _ in range(2)]
    threads += [threading.Thread(target=produce, args=(tmp_path, 200 * n, 200)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(received) == list(range(400))


def test_a_killed_writer_never_shows_half_a_message(tmp_path: Path) -> None:
    queue = FolderQueue(tmp_path, max_waiting=50)
    for _ in range(3):
        writer = SPAWN.Process(target=put_for_ever, args=(tmp_path,), daemon=True)
        writer.start()
        for _ in range(30):
            assert len(_received_soon(queue)["padding"]) == 100_000
        writer.kill()
        writer.join()
    while len(queue):
        assert len(queue.get()["padding"]) == 100_000


def _received_soon(queue: FolderQueue) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return queue.get()
        except Empty:
            time.sleep(0.001)
    raise AssertionError("no message came")


def test_what_a_killed_writer_left_is_cleared_away_later(tmp_path: Path) -> None:
    old, new = tmp_path / "1.partial", tmp_path / "2.partial"
    old.touch()
    new.touch()
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    FolderQueue(tmp_path, max_waiting=5).create()
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b'"text"', b"{}", b'{"body": "x"}', b"null"]
)
def test_unreadable_message_is_removed_and_the_next_one_arrives(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "00000000000000000001-bad.message").write_bytes(content)
    queue = FolderQueue(tmp_path, max_waiting=5)
    queue.put(payload(7))
    assert queue.get() == payload(7)
    assert list(tmp_path.iterdir()) == []


def test_messages_come_in_the_order_of_arrival(tmp_path: Path) -> None:
    produce(tmp_path, 0, 20)
    queue = FolderQueue(tmp_path, max_waiting=100)
    assert [int(queue.get()["body"]) for _ in range(20)] == list(range(20))


def test_queue_that_nobody_reads_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    queue = FolderQueue(tmp_path, max_waiting=10)
    for number in range(50):
        queue.put(payload(number))
    assert len(queue) == 10
    assert [int(queue.get()["body"]) for _ in range(10)] == list(range(40, 50))


def test_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    queue = FolderQueue(folder, max_waiting=10)
    with pytest.raises(Empty):
        queue.get()
    queue.put(payload(1))
    assert queue.get() == payload(1)


@pytest.mark.parametrize("name", ["celery", "../escape", "..", "a/b", "ä"])
def test_queue_stays_inside_its_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    with connection(tmp_path / "broker") as client:
        queue = client.SimpleQueue(Queue(name, routing_key=name))
        queue.put("bell")
        assert queue.get(timeout=5).payload == "bell"
        queue.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["broker"]
    assert len(list((tmp_path / "broker").iterdir())) == 1


def test_message_that_was_not_acknowledged_comes_back(tmp_path: Path) -> None:
    with connection(tmp_path) as client:
        queue = client.SimpleQueue("bells")
        queue.put("bell")
        queue.get(timeout=5)  # and the reader goes away
        queue.close()
    with connection(tmp_path) as client:
        queue = client.SimpleQueue("bells")
        message = queue.get(timeout=5)
        assert message.payload == "bell"
        message.ack()
        queue.close()
    with connection(tmp_path) as client:
        assert client.SimpleQueue("bells").qsize() == 0


def test_purge_empties_the_queue(tmp_path: Path) -> None:
    with connection(tmp_path, max_waiting=3) as client:
        queue = client.SimpleQueue("bells")
        for _ in range(5):
            queue.put("bell")
        assert queue.qsize() == 3
        assert queue.clear() == 3
        assert queue.qsize() == 0


def test_reader_looks_up_soon_however_long_it_would_wait(tmp_path: Path) -> None:
    with connection(tmp_path) as reader:
        consumer = reader.Consumer(Queue("q"), callbacks=[lambda body, message: None])
        with consumer, pytest.raises(TimeoutError):
            reader.drain_events(timeout=3600)
