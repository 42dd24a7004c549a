"""What happens on the stage, step by step; each returns in one line what was seen."""

from __future__ import annotations

import json
import smtplib
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import dkim

from tests.demo.stage import OURS, SENDER, Stage
from tests.system import wait_until

HTML = '<p>It is on its way. <a href="https://shop.example/orders/1">Look</a></p>'
SOON = 30.0  # seconds
PICTURE = bytes.fromhex(  # a GIF of one pixel
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


class Disproved(AssertionError):
    """Something is not as it must be; the text says what."""


def must(holds: object, what: str) -> None:
    """Go on only where it holds."""
    if not holds:
        raise Disproved(what)


def steps() -> Iterator[tuple[str, Callable[[Stage], str]]]:
    """Yield every step with what it is about."""
    yield "a domain that was not added may not send", refuse_foreign_domain
    yield "a domain is added, its records published as the API says, and verified", verify_domain
    yield "a mail by the API reaches Postfix's mailbox, signed", send_by_api
    yield "a mail by SMTP reaches Postfix's mailbox, signed, with its attachment", send_by_smtp
    yield "a mail reaches aiosmtpd", send_to_aio
    yield "an unknown user's bounce comes home, and the address is suppressed", bounce
    yield "a busy first MX and a greylisting second one deliver at the second attempt", greylist


def refuse_foreign_domain(stage: Stage) -> str:
    answer = _post(stage, "inbox@postfix.example")
    must(answer.status_code == 403, f"answered {answer.status_code} {answer.text}")
    return f"403 {answer.json()['error']['code']}"


def verify_domain(stage: Stage) -> str:
    http, api = stage.system.http, f"{stage.system.url}/api/domains"
    added = http.post(api, json={"name": SENDER}, timeout=30)
    must(added.status_code == 201, f"answered {added.status_code} {added.text}")
    records = added.json()["records"]
    for record in records:
        _publish(stage, record)
    checked = http.post(f"{api}/{SENDER}/check", timeout=60).json()
    must(checked["verified"], f"not verified: {json.dumps(checked)}")
    states = {f"{one['purpose']} {one['name']}": one["state"] for one in checked["records"]}
    must(set(states.values()) == {"right"}, f"not all is right: {states}")
    return f"{len(records)} records published, all right"


def _publish(stage: Stage, record: dict[str, str]) -> None:
    value: list[Any] = [record["value"]]
    if record["type"] == "MX":
        preference, host = record["value"].split()
        value = [host, int(preference)]
    stage.dns.zone.add(record["name"], record["type"], *value)


def send_by_api(stage: Stage) -> str:
    before = len(stage.company.mailbox())
    email = _accepted(stage, "inbox@postfix.example")
    wait_until(lambda: len(stage.company.mailbox()) > before, SOON)
    wait_until(lambda: _status(stage, email) == "delivered", SOON)
    return _judge(stage, stage.company.mailbox()[-1])


def send_by_smtp(stage: Stage) -> str:
    before = len(stage.company.mailbox())
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Shöp <orders@{SENDER}>", "inbox@postfix.example"
    mail["Subject"] = "Ihre Bestellung: Größe M"
    mail.set_content("It is on its way.")
    mail.add_alternative(HTML + '<img src="cid:logo">', subtype="html")
    html = mail.get_payload()[1]
    html.add_related(PICTURE, "image", "gif", cid="<logo>")
    mail.add_attachment(b"%PDF-1.4 demo", maintype="application", subtype="pdf", filename="a.pdf")
    with smtplib.SMTP(OURS, stage.submission, timeout=30) as client:
        client.starttls(context=stage.trusted)
        client.login("anybody", stage.system.key)
        client.send_message(mail)
    wait_until(lambda: len(stage.company.mailbox()) > before, SOON)
    arrived = stage.company.mailbox()[-1]
    parsed = message_from_bytes(arrived, policy=policy.default)
    parts = {part.get_content_type(): part for part in parsed.walk()}
    must(parsed["Subject"] == mail["Subject"], f"the subject is {parsed['Subject']!r}")
    must(parts["image/gif"].get_content() == PICTURE, "the inline image is another")
    must(parts["application/pdf"].get_filename() == "a.pdf", "the attachment is not there")
    return _judge(stage, arrived)


def send_to_aio(stage: Stage) -> str:
    email = _accepted(stage, "ann@aio.example")
    wait_until(lambda: stage.taker.arrivals, SOON)
    wait_until(lambda: _status(stage, email) == "delivered", SOON)
    arrival = stage.taker.arrivals[-1]
    must(arrival.mail_from.endswith(f"@bounces.{SENDER}"), f"return path {arrival.mail_from}")
    return _judge(stage, arrival.content)


def bounce(stage: Stage) -> str:
    email = _accepted(stage, "nobody@postfix.example")
    wait_until(lambda: _status(stage, email) == "bounced", SOON)
    said = next(one for one in stage.system.show(email)["events"] if one["type"] == "bounce")
    again = _post(stage, "nobody@postfix.example")
    must(again.json().get("status") == "suppressed", f"written to again: {again.text}")
    return f"bounce event {json.dumps(said['data'])[:120]}…; the next mail is suppressed"


def greylist(stage: Stage) -> str:
    began = time.monotonic()
    email = _accepted(stage, "ann@grey.example")
    wait_until(lambda: _status(stage, email) == "delivered", 6 * 60)
    took = time.monotonic() - began
    events = [one["type"] for one in stage.system.show(email)["events"]]
    must(events == ["queue", "defer", "deliver"], f"events {events}")
    return f"{' → '.join(events)}, {took:.0f} s after the first attempt"


def _post(stage: Stage, to: str) -> Any:
    return stage.system.post(to_email=to, from_email=f"orders@{SENDER}", html_body=HTML)


def _accepted(stage: Stage, to: str) -> str:
    answer = _post(stage, to)
    must(answer.status_code == 202, f"answered {answer.status_code} {answer.text}")
    return str(answer.json()["message_id"])


def _status(stage: Stage, email: str) -> str:
    return str(stage.system.show(email)["status"])


def _judge(stage: Stage, content: bytes) -> str:
    """Let dkimpy judge the signatures, by the DNS that was published; and look for tracking."""
    if b"\r\n" not in content:  # as Postfix keeps it
        content = content.replace(b"\n", b"\r\n")
    checker = dkim.DKIM(content)
    signatures = [name for name, _ in checker.headers if name.lower() == b"dkim-signature"]
    look_up = stage.dns.zone.texts
    must(len(signatures) == 2, f"{len(signatures)} signatures")
    for index in range(len(signatures)):
        must(checker.verify(idx=index, dnsfunc=look_up), f"signature {index} does not verify")
    parsed = message_from_bytes(content, policy=policy.default)
    html = parsed.get_body(("html",))
    must(html and f"{stage.system.url}/" in html.get_content(), "its links are not tracked")
    return f"{len(signatures)} signatures verified by dkimpy, tracked"
