"""What the rows say of mail that went to mail exchangers."""

from emails.addresses import Address
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.tests.factories import make_email


def make_mail(address: str, **values):
    """An accepted mail to one address."""
    return make_email(to=(Address(address),), **values)


def settled() -> bool:
    """Whether every mail was tried."""
    return not Recipient.objects.filter(status__in=[Status.QUEUED, Status.SENDING]).exists()


def data_of(type_: EventType) -> dict:
    """The data of the one event of a type."""
    return EmailEvent.objects.get(type=type_).data
