"""Keys of a sending domain: what is published, and which of them sign."""

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key
from django.db import connection
from django.utils import timezone

from accounts.encryption import decrypt
from accounts.models import DkimKey, SendingDomain
from accounts.tests.factories import make_domain, make_signing_key

pytestmark = pytest.mark.django_db
State, Algorithm = DkimKey.State, DkimKey.Algorithm


def states(domain: SendingDomain) -> dict[str, State]:
    return {key.selector: key.state for key in domain.dkim_keys.all()}


def test_new_keys_are_one_of_each_kind_and_wait():
    keys = make_domain().generate_keys()
    assert [key.algorithm for key in keys] == ["rsa", "ed25519"]
    assert {key.state for key in keys} == {State.PENDING}
    assert keys[0].selector != keys[1].selector
    assert all(re.fullmatch(r"m\d{8}[a-z0-9]{4}", key.selector) for key in keys)


def test_private_keys_are_kept_encrypted_and_belong_to_the_public_ones():
    rsa, ed25519 = make_domain().generate_keys()
    for key in (rsa, ed25519):
        assert "PRIVATE" not in key.private_key
    private = load_pem_private_key(decrypt(rsa.private_key).encode(), None)
    public = load_der_public_key(base64.b64decode(rsa.public_key))
    assert isinstance(private, RSAPrivateKey)
    assert private.key_size == 2048
    assert private.public_key() == public
    private = load_pem_private_key(decrypt(ed25519.private_key).encode(), None)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(ed25519.public_key))
    assert isinstance(private, Ed25519PrivateKey)
    assert private.public_key() == public


def test_records_are_as_verifiers_look_them_up():
    rsa, ed25519 = make_domain(name="news.example.com").generate_keys()
    name, value = rsa.record
    assert name == f"{rsa.selector}._domainkey.news.example.com"
    assert re.fullmatch(r"v=DKIM1; k=rsa; p=[A-Za-z0-9+/]{390,}=*", value)
    assert re.fullmatch(r"v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=", ed25519.record.value)


def test_keys_that_wait_are_not_made_again():
    domain = make_domain()
    first = domain.generate_keys()
    assert domain.generate_keys() == first
    first[0].activate()
    again = domain.generate_keys()
    assert again[0] != first[0]
    assert again[1] == first[1]


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_for_keys_at_once_get_the_same():
    domain = make_domain()
    barrier = Barrier(2)

    def ask() -> list[DkimKey]:
        barrier.wait()
        try:
            return SendingDomain.objects.get(pk=domain.pk).generate_keys()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        one, other = [asked.result() for asked in [pool.submit(ask), pool.submit(ask)]]
    assert one == other
    assert domain.dkim_keys.count() == 2


def test_rotation_has_no_gap():
    domain = make_domain()
    old = domain.generate_keys()
    assert all(key.activate() for key in old)
    new = domain.generate_keys()
    assert {*domain.dkim_keys.signing()} == {*old}  # until DNS shows the new ones
    assert {*domain.dkim_keys.to_publish()} == {*old, *new}

    assert new[0].activate()
    assert {*domain.dkim_keys.signing()} == {new[0], old[1]}
    assert new[1].activate()
    assert {*domain.dkim_keys.signing()} == {*new}
    assert states(domain) == {
        **{key.selector: State.RETIRED for key in old},
        **{key.selector: State.SIGNING for key in new},
    }
    assert {*domain.dkim_keys.to_publish()} == {*old, *new}  # mail on its way


def test_key_of_another_domain_goes_on():
    key, other = make_signing_key(make_domain()), make_signing_key(make_domain(name="example.org"))
    assert key.domain != other.domain
    assert DkimKey.objects.signing().count() == 2


def test_key_is_activated_once():
    domain = make_domain()
    key = make_signing_key(domain)
    since = DkimKey.objects.get(pk=key.pk).activated_at
    assert not DkimKey.objects.get(pk=key.pk).activate()
    assert DkimKey.objects.get(pk=key.pk).activated_at == since
    assert key.retire()
    assert not key.activate()
    assert not key.retire()
    assert not domain.dkim_keys.signing()


def test_key_that_signs_no_more_is_forgotten_here():
    key = make_signing_key(make_domain())
    DkimKey.generate(key.domain, Algorithm.ED25519).activate()
    key.refresh_from_db()
    assert (key.state, key.private_key) == (State.RETIRED, "")


@pytest.mark.parametrize(
    ("activated", "retired_for", "may"),
    [
        (False, None, False),
        (True, None, False),
        (True, timedelta(days=6, hours=23), False),
        (True, timedelta(days=7, hours=1), True),
        (False, timedelta(seconds=1), True),  # it never signed
    ],
)
def test_record_stays_while_mail_may_need_it(activated, retired_for, may):
    key = DkimKey.generate(make_domain(), Algorithm.ED25519)
    now = timezone.now()
    key.activated_at = now - timedelta(days=30) if activated else None
    key.retired_at = now - retired_for if retired_for else None
    key.save()
    assert key.may_be_unpublished is may
    assert (key in DkimKey.objects.to_publish()) is not may


@pytest.mark.parametrize(
    ("from_domain", "owner"),
    [
        ("example.com", "example.com"),
        ("shop.example.com", "example.com"),
        ("news.example.com", "news.example.com"),
        ("a.b.news.example.com", "news.example.com"),
        ("new.example.com", "example.com"),
        ("badexample.com", None),
        ("example.com.evil.net", None),
        ("com", None),
        ("example.org", None),  # added, and not verified
        ("other.net", None),  # somebody else's
    ],
)
def test_owner_is_the_closest_verified_domain_of_the_project(from_domain, owner):
    domain = make_domain(name="example.com")
    make_domain(domain.project, "news.example.com")
    make_domain(domain.project, "new.example.com", verified_at=None)
    make_domain(domain.project, "example.org", verified_at=None)
    make_domain(name="other.net")
    found = SendingDomain.objects.owning(domain.project, from_domain)
    assert (found and found.name) == owner


def test_domain_goes_with_its_keys():
    key = make_signing_key(make_domain())
    key.domain.delete()
    assert not DkimKey.objects.exists()
