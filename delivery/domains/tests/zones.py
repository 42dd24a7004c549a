"""A DNS zone in which everything about a sending domain is right, for tests to break."""

from tests.dns_server import Zone

MAIL_HOST = "mail.example.net"
PUBLIC_URL = "http://click.example.net"
ADDRESSES = ("192.0.2.1", "2001:db8::1")


def publish_installation(zone: Zone) -> None:
    """What the operator publishes."""
    zone.add(MAIL_HOST, "A", ADDRESSES[0]).add(MAIL_HOST, "AAAA", ADDRESSES[1])
    zone.add("1.2.0.192.in-addr.arpa", "PTR", MAIL_HOST)
    nibbles = "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2"
    zone.add(f"{nibbles}.ip6.arpa", "PTR", MAIL_HOST)


def publish(zone: Zone, records) -> None:
    """What the owner of the domain publishes, as it is shown to them."""
    for record in records:
        if record.type == "MX":
            preference, host = record.value.split()
            zone.add(record.name, "MX", host, int(preference))
        else:
            zone.add(record.name, record.type, record.value)
