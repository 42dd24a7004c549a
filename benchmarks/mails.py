"""The mail that every contender sends: about 10 kB of HTML, 12 links, a text part; no two alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SENDER, SENDER_NAME = "shop@example.com", "The Corner Shop"
SHOP = "https://shop.example.com"
GOODS = (
    ("Enamel mug, cobalt blue", "A mug that outlives the office it stands in.", "14.50"),
    ("Linen tea towel, set of three", "Woven in Belgium, washed before it is cut.", "22.00"),
    ("Beech chopping board", "Oiled twice; a third time is up to you.", "39.90"),
    ("Brass pepper mill", "Grinds from dust to gravel by a quarter turn.", "48.00"),
    ("Beeswax candles, dozen", "They burn for nine hours each, and smell of July.", "19.20"),
    ("Wool blanket, grey", "Heavy enough for October, light enough for a picnic.", "85.00"),
)
CELL = (
    'style="padding:12px 16px;font-family:Helvetica,Arial,sans-serif;font-size:14px;'
    'line-height:20px;color:#333333;border-bottom:1px solid #e5e5e5;vertical-align:top"'
)
LINK = 'style="color:#1a5fb4;text-decoration:underline"'


@dataclass(frozen=True, slots=True)
class Mail:
    """One personal mail. The same text goes to every contender."""

    number: int
    address: str
    name: str
    subject: str
    html: str
    text: str

    def request(self, **extra: object) -> dict[str, object]:
        """Return it as our API takes it."""
        return {
            "to_email": self.address,
            "to_name": self.name,
            "from_email": SENDER,
            "from_name": SENDER_NAME,
            "subject": self.subject,
            "html_body": self.html,
            "text_body": self.text,
            **extra,
        }


def mail(number: int, address: str = "") -> Mail:
    """Return the mail about order `number`."""
    name = f"Ann Miller {number % 997}"
    order = f"{number:08d}-{number * 2654435761 % 2**32:08x}"
    return Mail(
        number,
        address or f"reader{number}@example.org",
        name,
        f"Your order {order} is on its way",
        _html(name, order),
        _text(name, order),
    )


def mails(count: int, first: int = 0, domains: int = 0) -> list[Mail]:
    """Return `count` mails, from number `first` on, to one domain or to so many in turn."""
    numbers = range(first, first + count)
    if not domains:
        return [mail(number) for number in numbers]
    return [mail(number, f"reader{number}@d{number % domains}.example") for number in numbers]


def short_mail(number: int) -> Mail:
    """Return a mail of 2 kB in all."""
    whole = mail(number)
    row = f'<p {CELL}>Order {number}: <a href="{SHOP}/o/{number}?a=1&amp;b=2">see it</a>.</p>'
    html = f"<html><body>{row * 6}</body></html>"
    return Mail(number, whole.address, whole.name, whole.subject, html, whole.text[:500])


def _html(name: str, order: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Your order</title>'
        '</head>\n<body style="margin:0;background:#f4f4f4"><table role="presentation" '
        'width="100%" cellpadding="0" cellspacing="0">\n<tr><td align="center">'
        '<table role="presentation" width="600" cellpadding="0" cellspacing="0" '
        'style="background:#ffffff">'
        f'<tr><td {CELL}><a href="{SHOP}/?utm_source=mail&amp;order={order}" {LINK}>'
        f'<img src="{SHOP}/logo.png" width="180" height="40" alt="The Corner Shop"></a></td></tr>\n'
        f"<tr><td {CELL}><h1>Thank you, {name}</h1><p>Your order {order} left our house today. "
        "It travels by van to the sorting centre, by rail over night, and by bicycle for the last "
        f'mile. You can <a href="{SHOP}/track/{order}?lang=en&amp;from=mail" {LINK}>follow it</a>\n'
        f"all the way.</p></td></tr>\n{''.join(_rows(order))}"
        f"{_address(name, order)}{_footer(order)}"
        "</table></td></tr></table></body></html>\n"
    )


def _rows(order: str) -> Sequence[str]:
    return [
        f'<tr><td {CELL}><table role="presentation" width="100%"><tr><td width="96" {CELL}>'
        f'<img src="{SHOP}/goods/{place}.jpg" width="80" height="80" alt="{title}" '
        'style="display:block;border:0"></td>\n'
        f'<td {CELL}><a href="{SHOP}/goods/{place}?order={order}&amp;utm_medium=email" {LINK}>'
        f"<strong>{title}</strong></a><br>{words}<br>Packed by hand for order {order}.</td>\n"
        f'<td align="right" {CELL}>{price}&nbsp;&euro;</td></tr></table></td></tr>\n'
        for place, (title, words, price) in enumerate(GOODS)
    ]


def _address(name: str, order: str) -> str:
    return (
        f"<tr><td {CELL}><p><strong>It goes to</strong><br>{name}<br>Long Street {order[-3:]}<br>"
        f'1000 Brussels</p><p>Is that wrong? <a href="{SHOP}/orders/{order}/address" {LINK}>'
        "Change the address</a> until six this evening.</p></td></tr>\n"
    )


def _footer(order: str) -> str:
    return (
        f'<tr><td {CELL}><p>Questions? <a href="{SHOP}/help?order={order}&amp;topic=delivery" '
        f"{LINK}>Our help pages</a> know most answers, and "
        f'<a href="mailto:help@example.com?subject={order}" {LINK}>we</a> know the rest. '
        f'<a href="{SHOP}/returns/{order}" {LINK}>Send it back</a> within thirty days.</p>\n'
        f'<p style="font-size:12px;color:#777777">The Corner Shop, Short Street 1, 1000 Brussels. '
        f'<a href="{SHOP}/privacy?ref={order}" {LINK}>Privacy</a></p></td></tr>\n'
    )


def _text(name: str, order: str) -> str:
    goods = "\n".join(
        f"- {title}: {words} {price} EUR\n  {SHOP}/goods/{place}?order={order}"
        for place, (title, words, price) in enumerate(GOODS)
    )
    return (
        f"Thank you, {name}\n\nYour order {order} left our house today. It travels by van to the "
        "sorting centre,\nby rail over night, and by bicycle for the last mile.\n\n"
        f"Follow it: {SHOP}/track/{order}?lang=en&from=mail\n\n{goods}\n\n"
        f"It goes to:\n{name}\nLong Street {order[-3:]}\n1000 Brussels\n\n"
        f"Questions? {SHOP}/help?order={order}&topic=delivery\n"
        f"Send it back within thirty days: {SHOP}/returns/{order}\n"
    )
