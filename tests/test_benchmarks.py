"""The benchmarks can be started, send what they say, and compute ratios and verdicts right."""

import json
import smtplib
import socket
import subprocess
import sys
from importlib import import_module

import pytest

from benchmarks.cases import CASES, chosen
from benchmarks.mails import mail, short_mail
from benchmarks.measure import Result, Sample, alternate, best, percentile
from benchmarks.report import Row, as_json, as_markdown, as_table, one
from benchmarks.sinks import FarSink, OwnSink
from tests.system import ROOT


def test_list_names_every_case():
    command = [sys.executable, "-m", "benchmarks", "--list"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[0] for line in said.splitlines()] == [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_loads_without_the_packages_of_peers(case):
    assert callable(import_module(f"benchmarks.{case.name}").run)


def test_unknown_case_is_named():
    with pytest.raises(ValueError, match="there is no case nothing"):
        chosen(["delivery", "nothing"])


def row(**values):
    return Row("delivery", "mails/s", **{"ours": one(300), "theirs": one(100)} | values)


@pytest.mark.parametrize(
    ("values", "ratio", "reached"),
    [
        ({"at_least": 3}, 3, True),
        ({"at_least": 3.01}, 3, False),
        ({"at_most": 3}, 3, True),
        ({"at_most": 2.99}, 3, False),
        ({"within": 300}, 3, True),
        ({"within": 299}, 3, False),
        ({"within": 300, "at_least": 4}, 3, False),
        ({"at_least": 2, "also": False}, 3, False),
        ({"theirs": None, "within": 300}, None, True),
        ({"theirs": None, "at_least": 1}, None, False),
        ({"theirs": one(0), "at_least": 1}, None, False),
        ({}, 3, None),
    ],
)
def test_verdict_follows_from_the_ratio_of_ours_to_theirs(values, ratio, reached):
    judged = row(**values)
    assert (judged.ratio, judged.reached) == (ratio, reached)


def test_ratio_by_processor_time_is_theirs_to_ours_of_all_processes():
    ours = Result((Sample(300, {"worker": 200.0, "postgres": 50.0}),))
    theirs = Result((Sample(100, {"peer": 400.0, "postgres": 100.0}),))
    assert row(ours=ours, theirs=theirs).ratio_by_cpu == 2
    assert row(ours=ours).ratio_by_cpu is None


def test_figure_is_the_median_of_the_rounds():
    values = iter([10, 1, 900, 2, 20, 3])
    results = alternate(3, dict.fromkeys(("ours", "theirs"), lambda: Sample(next(values))))
    assert [sample.value for sample in results["ours"].samples] == [10, 900, 20]
    assert (results["ours"].value, results["theirs"].value) == (20, 2)


def test_peer_is_taken_at_its_best():
    results = {"ours": one(9), "one process": one(5), "two processes": one(7)}
    assert best(results, ["one process", "two processes"]) == ("two processes", one(7))


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1, 100), (0, 1)])
def test_percentile_is_a_value_that_was_taken(share, value):
    assert percentile([float(n) for n in range(100, 0, -1)], share) == value


def test_table_json_and_markdown_say_the_same():
    measured = row(
        ours=Result((Sample(300, {"worker": 250.0}),)), beside="a peer", at_least=2.5, aim=4
    )
    (said,) = json.loads(as_json([measured], {"scale": 1.0}))["rows"]
    assert (said["ratio"], said["reached"], said["ours"]["rounds"]) == (3, True, [300])
    assert "3.00" in as_table([measured])
    assert "yes" in as_table([measured])
    assert "| 300 mails/s | a peer | 100 | 3.00 |" in as_markdown([measured])
    assert "| delivery | 250 |" in as_markdown([measured])


def test_every_contender_has_its_line_of_processor_time():
    ours, fast, slow = (Result((Sample(1, {"web": used}),)) for used in (10.0, 20.0, 30.0))
    rows = [
        Row("10 kB", "/s", ours, "a peer", slow),
        Row("2 kB", "/s", ours, "a peer", fast),
        Row("2 kB again", "/s", ours, "a peer", fast),
    ]
    lines = [line for line in as_markdown(rows).splitlines() if line.startswith("| a peer")]
    assert lines == ["| a peer |  | 30 |  |  |  |  |", "| a peer (2 kB) |  | 20 |  |  |  |  |"]


def test_mails_are_what_they_are_said_to_be():
    letter, next_one, short = mail(1234), mail(1235), short_mail(1234)
    assert letter.html.count('<a href="http') == 12
    assert 9_000 < len(letter.html) < 11_000
    assert 1_000 < len(letter.text) < 2_000
    assert 1_900 < len(short.html + short.text) < 2_200
    assert letter.html != next_one.html
    assert letter.text != next_one.text


@pytest.mark.parametrize("far", [False, True])
def test_sink_takes_what_comes_by_data_and_by_bdat(tmp_path, far):
    sink = FarSink(tmp_path, 0.02) if far else OwnSink(tmp_path)
    with sink:
        with smtplib.SMTP("127.0.0.1", sink.port) as client:
            client.sendmail("a@example.com", ["watched1@example.org"], "one\n.dotted\n")
        with socket.create_connection(("127.0.0.1", sink.port), timeout=10) as client:
            group = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<watched2@example.org>\r\n"
            client.sendall(b"EHLO x\r\n" + group + b"BDAT 4\r\nhalfBDAT 4 LAST\r\nhalfQUIT\r\n")
            said = b"".join(iter(lambda: client.recv(4096), b""))
        assert sink.taken() == 2
        assert sink.most_connections() == 1
        assert list(sink.arrivals()) == ["watched1@example.org", "watched2@example.org"]
    assert said.count(b"250 2.0.0 ok") == 2
    assert said.endswith(b"221 2.0.0 bye\r\n")


def test_kept_mail_is_what_was_sent(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    with OwnSink(tmp_path, keep=folder) as sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.sendmail("a@example.com", ["b@example.org"], "one\r\n.dotted\r\n")
    assert (folder / "1.eml").read_bytes() == b"one\r\n.dotted\r\n"
