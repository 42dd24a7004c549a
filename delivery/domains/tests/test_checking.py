"""A look at DNS verifies the domain, activates its keys, and comes again when it is due."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import DkimKey, SendingDomain
from accounts.tests.factories import make_domain, make_project
from delivery.domains import checking
from delivery.domains.tasks import check_domains
from delivery.domains.tests.zones import publish

pytestmark = pytest.mark.django_db
ED25519, RSA = DkimKey.Algorithm.ED25519, DkimKey.Algorithm.RSA


def new_domain(**values):
    """A domain as it is added, with the one kind of key that is made in no time."""
    domain = make_domain(**({"verified_at": None} | values))
    DkimKey.generate(domain, ED25519)
    return domain


def records(domain, purpose):
    return [record for record in checking.records_of(domain) if record.purpose == purpose]


def states(domain):
    return {key.selector: str(key.state) for key in domain.dkim_keys.all()}


def test_key_that_dns_shows_verifies_the_domain_and_signs(dns):
    domain = new_domain()
    publish(dns.zone, records(domain, "dkim"))
    checking.check(domain)
    domain.refresh_from_db()
    assert domain.verified_at
    assert domain.checked_at
    assert set(states(domain).values()) == {"signing"}
    assert {finding.state for finding in checking.findings_of(domain)} == {"right", "missing"}


def test_everything_else_published_does_not_verify(dns):
    domain = new_domain()
    publish(dns.zone, [r for r in checking.records_of(domain) if r.purpose != "dkim"])
    checking.check(domain)
    domain.refresh_from_db()
    assert domain.verified_at is None
    assert set(states(domain).values()) == {"pending"}


def test_key_of_another_project_verifies_nothing(dns):
    """Whoever adds a domain that another project holds has keys of their own."""
    holder, stranger = new_domain(), new_domain()
    publish(dns.zone, records(holder, "dkim"))
    checking.check(stranger)
    stranger.refresh_from_db()
    assert stranger.verified_at is None


def test_each_kind_of_key_is_activated_by_its_own_record(dns):
    domain = new_domain()
    DkimKey.generate(domain, RSA)
    [rsa] = [r for r in records(domain, "dkim") if "k=rsa" in r.value]
    publish(dns.zone, [rsa])
    checking.check(domain)
    assert {key.algorithm: str(key.state) for key in domain.dkim_keys.all()} == {
        "rsa": "signing",
        "ed25519": "pending",
    }


def test_old_key_signs_until_dns_shows_the_new_one(dns):
    domain = new_domain()
    publish(dns.zone, records(domain, "dkim"))
    checking.check(domain)
    old = domain.dkim_keys.get()
    new = DkimKey.generate(domain, ED25519)
    checking.check(domain)
    assert states(domain) == {old.selector: "signing", new.selector: "pending"}
    publish(dns.zone, [r for r in records(domain, "dkim") if r.name.startswith(new.selector)])
    checking.check(domain)
    assert states(domain) == {old.selector: "retired", new.selector: "signing"}
    kept = [record.name.partition(".")[0] for record in records(domain, "dkim")]
    assert kept == [new.selector, old.selector]  # the old record stays while mail is on its way


def test_retired_key_in_dns_verifies_nothing(dns):
    domain = new_domain()
    publish(dns.zone, records(domain, "dkim"))
    key = domain.dkim_keys.get()
    key.activate(), key.retire()
    checking.check(domain)
    domain.refresh_from_db()
    assert domain.verified_at is None
    assert str(domain.dkim_keys.get().state) == "retired"


def test_silent_dns_takes_nothing_back(dns):
    domain = new_domain()
    publish(dns.zone, checking.records_of(domain))
    checking.check(domain)
    for record in checking.records_of(domain):
        dns.zone.fail(record.name)
    checking.check(SendingDomain.objects.get())
    assert {finding.state for finding in checking.findings_of(SendingDomain.objects.get())} == {
        "right"
    }


def ago(age):
    """The moment; None stays what it is."""
    return age and timezone.now() - age


@pytest.mark.parametrize(
    ("domain", "pending", "is_due"),
    [
        ({"created_at": timedelta(minutes=1), "verified_at": None}, True, False),
        ({"created_at": timedelta(minutes=3), "verified_at": None}, True, True),
        (
            {
                "created_at": timedelta(hours=2),
                "verified_at": None,
                "checked_at": timedelta(minutes=1),
            },
            1,
            False,
        ),
        (
            {
                "created_at": timedelta(hours=2),
                "verified_at": None,
                "checked_at": timedelta(minutes=3),
            },
            1,
            True,
        ),
        (
            {
                "created_at": timedelta(days=2),
                "verified_at": None,
                "checked_at": timedelta(minutes=3),
            },
            0,
            False,
        ),
        (
            {
                "created_at": timedelta(days=2),
                "verified_at": None,
                "checked_at": timedelta(hours=2),
            },
            0,
            True,
        ),
        ({"created_at": timedelta(days=9), "checked_at": timedelta(minutes=3)}, True, True),
        ({"created_at": timedelta(days=9), "checked_at": timedelta(hours=2)}, False, False),
        ({"created_at": timedelta(days=9), "checked_at": timedelta(hours=25)}, False, True),
    ],
    ids=[
        "new: whoever publishes is given a moment",
        "new",
        "unverified, looked at just now",
        "unverified",
        "left lying, looked at just now",
        "left lying",
        "new key of an old domain",
        "all is well",
        "all is well, a day ago",
    ],
)
def test_when_a_domain_is_looked_at(domain, pending, is_due):
    row = make_domain(**{name: ago(age) for name, age in domain.items()})
    if pending:
        DkimKey.generate(row, ED25519)
    assert list(checking.due(timezone.now())) == ([row] if is_due else [])


def test_task_looks_at_what_is_due_and_no_other(dns):
    old, fresh = (
        new_domain(created_at=ago(timedelta(minutes=5))),
        new_domain(checked_at=timezone.now()),
    )
    publish(dns.zone, records(old, "dkim")), publish(dns.zone, records(fresh, "dkim"))
    check_domains()
    verified = SendingDomain.objects.verified()
    assert list(verified) == [old]


def test_one_process_takes_a_due_domain():
    domain = new_domain(created_at=ago(timedelta(minutes=5)))
    same = SendingDomain.objects.get()
    assert checking.take(domain, timezone.now())
    assert not checking.take(same, timezone.now())


def test_two_projects_may_add_the_same_domain():
    assert {new_domain(project=make_project()).name for _ in range(2)} == {"example.com"}
