"""The records that the owner of a sending domain publishes, and why each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from delivery.domains.installation import Installation
from delivery.domains.policy import id_of, policy_of
from delivery.smtp.mta_sts import policy_host, record_name

FIRST = (
    "The public half of the key that signs your mail. It shows receivers that the mail is yours "
    "and unchanged, and shows us that the domain is yours."
)
SECOND = (
    "The public half of a second key, of a newer and shorter kind (Ed25519). Receivers that know "
    "it check it beside the other."
)
LEAVING = (
    "An older key. It signs no more, but mail that is on its way still carries its signature: "
    "keep the record until it is not listed here any more."
)


TRACKING_LABEL = "track"


class Purpose(StrEnum):
    """What a record is for."""

    DKIM = "dkim"
    RETURN_PATH = "return_path"
    RETURN_PATH_SPF = "return_path_spf"
    SPF = "spf"
    DMARC = "dmarc"
    TRACKING = "tracking"
    STS = "mta_sts"
    STS_HOST = "mta_sts_host"


OPTIONAL = frozenset({Purpose.TRACKING, Purpose.STS, Purpose.STS_HOST})


class Need(StrEnum):
    """What happens without it."""

    REQUIRED = "required"  # mail is not signed, or the domain may not send
    RECOMMENDED = "recommended"  # mail goes, but is trusted less, or its bounces are missed
    OPTIONAL = "optional"  # nothing is missed


@dataclass(frozen=True, slots=True)
class Record:
    """A record to publish: its full name, and its value as one string whatever its length."""

    purpose: Purpose
    name: str
    type: str
    value: str
    need: Need
    why: str


@dataclass(frozen=True, slots=True)
class SigningRecord:
    """The TXT record of a key; `leaving` where the key signs no more."""

    name: str
    value: str
    leaving: bool = False


def return_path_host(domain: str) -> str:
    """Return where bounces of a domain's mail come home to us.

    A name of its own: the domain's MX stays with whoever receives its mail.
    """
    return f"bounces.{domain}"


def tracking_host(domain: str) -> str:
    """Return the name that tracked links of a domain's mail may have."""
    return f"{TRACKING_LABEL}.{domain}"


def records(domain: str, keys: Iterable[SigningRecord], installation: Installation) -> list[Record]:
    """Return what to publish, the most important first."""
    return [
        *map(_dkim, keys),
        _return_path(domain, installation),
        *_spf(domain, installation),
        _dmarc(domain),
        *_tracking(domain, installation),
        *_sts(domain, installation),
    ]


def _dkim(key: SigningRecord) -> Record:
    if key.leaving:
        need, why = Need.RECOMMENDED, LEAVING
    elif "k=ed25519" in key.value:
        need, why = Need.RECOMMENDED, SECOND
    else:
        need, why = Need.REQUIRED, FIRST
    return Record(Purpose.DKIM, key.name, "TXT", key.value, need, why)


def _return_path(domain: str, installation: Installation) -> Record:
    return Record(
        Purpose.RETURN_PATH,
        return_path_host(domain),
        "MX",
        f"10 {installation.mail_host}.",
        Need.RECOMMENDED,
        "Brings bounces and complaints home to us, so that addresses which do not exist are not "
        "written to again. The mail that you receive yourself is not touched by it.",
    )


def _spf(domain: str, installation: Installation) -> Iterator[Record]:
    if not installation.spf_terms:
        return
    terms = " ".join(installation.spf_terms)
    yield Record(
        Purpose.RETURN_PATH_SPF,
        return_path_host(domain),
        "TXT",
        f"v=spf1 {terms} -all",
        Need.RECOMMENDED,
        "Says that our servers may send with this return path: receivers look there first.",
    )
    yield Record(
        Purpose.SPF,
        domain,
        "TXT",
        f"v=spf1 {terms} ~all",
        Need.RECOMMENDED,
        "Says that our servers may send for the domain itself. A name may have one SPF record: "
        f"where you have one, put “{terms}” into it, before its last term.",
    )


def _dmarc(domain: str) -> Record:
    return Record(
        Purpose.DMARC,
        f"_dmarc.{domain}",
        "TXT",
        "v=DMARC1; p=none",
        Need.RECOMMENDED,
        "Tells receivers what to do with mail that claims to be yours and is not; the big ones "
        "want to see it. p=none changes nothing yet. When all is right for some weeks, raise it "
        "to p=quarantine, then to p=reject. With “; rua=mailto:” and an address you get reports.",
    )


def _tracking(domain: str, installation: Installation) -> Iterator[Record]:
    """Nothing where readers reach us without https: browsers and filters would warn of it."""
    if installation.public_url.startswith("https://"):
        yield Record(
            Purpose.TRACKING,
            tracking_host(domain),
            "CNAME",
            f"{installation.public_host}.",
            Need.OPTIONAL,
            f"Lets the links in your mail begin with {tracking_host(domain)} instead of "
            f"{installation.public_host}. Ask the operator of this server first: its certificate "
            "has to hold for the name. Once it is used, keep it: links in mail already sent lead "
            "to it.",
        )


def _sts(domain: str, installation: Installation) -> Iterator[Record]:
    """For the return path alone: what else is sent to the domain goes to servers of its own."""
    host = return_path_host(domain)
    if not installation.offers_policy:
        return
    yield Record(
        Purpose.STS_HOST,
        policy_host(host),
        "CNAME",
        f"{installation.public_host}.",
        Need.OPTIONAL,
        "Where servers that bring bounces read that they are to come encrypted, to our mail "
        "server and no other (MTA-STS). Ask the operator of this server first: its certificate "
        "has to hold for the name.",
    )
    yield Record(
        Purpose.STS,
        record_name(host),
        "TXT",
        f"v=STSv1; id={id_of(policy_of(installation.mail_host))}",
        Need.OPTIONAL,
        "Announces that policy. Add it when the record above is right.",
    )
