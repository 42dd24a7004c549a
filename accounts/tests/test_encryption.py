"""What the database keeps of a secret, and how the keys that protect it change."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.encryption import Undecryptable, decrypt, encrypt
from accounts.models import DkimKey
from accounts.tests.factories import make_domain, make_signing_key

OLD, NEW = "old-0123456789abcdef0123456789abcdef", "new-0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def old_key_alone(settings):
    settings.ENCRYPTION_KEYS = [OLD]


@pytest.mark.parametrize("secret", ["", "two words", "ünal\n🔑", "x" * 10_000])
def test_secret_comes_back_and_is_not_to_be_seen(secret):
    kept = encrypt(secret)
    assert decrypt(kept) == secret
    assert kept != encrypt(secret)
    assert not secret or secret not in kept


def test_secret_is_read_as_long_as_its_key_is_listed(settings):
    kept = encrypt("sesame")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert decrypt(kept) == "sesame"
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(Undecryptable, match="ENCRYPTION_KEYS lacks the key"):
        decrypt(kept)


def test_secret_that_somebody_changed_is_not_read():
    kept = encrypt("sesame")
    middle = len(kept) // 2
    with pytest.raises(Undecryptable):
        decrypt(kept[:middle] + ("A" if kept[middle] != "A" else "B") + kept[middle + 1 :])


def test_what_is_encrypted_anew_needs_the_newest_key_alone(settings, db):
    key = make_signing_key(make_domain())
    private = decrypt(key.private_key)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert "1 of 1 keys are encrypted by the first key" in reencrypted()
    settings.ENCRYPTION_KEYS = [NEW]
    key.refresh_from_db()
    assert decrypt(key.private_key) == private
    assert "1 of 1" in reencrypted()


def test_command_fails_where_a_key_cannot_be_read_and_does_the_others(settings, db):
    domain = make_domain()
    lost = make_signing_key(domain, DkimKey.Algorithm.RSA)
    settings.ENCRYPTION_KEYS = [NEW]
    found = make_signing_key(domain)
    with pytest.raises(CommandError, match="Put the missing key back"):
        reencrypted()
    before = lost.private_key
    lost.refresh_from_db()
    found.refresh_from_db()
    assert lost.private_key == before
    assert decrypt(found.private_key)


def test_key_whose_encryption_key_is_lost_for_ever_can_be_given_up(settings, db):
    lost = make_signing_key(make_domain())
    settings.ENCRYPTION_KEYS = [NEW]
    said = reencrypted("--retire-unreadable")
    assert f"{lost} is retired; example.com needs a new one" in said
    lost.refresh_from_db()
    assert (lost.state, lost.private_key) == (DkimKey.State.RETIRED, "")
    assert "0 of 0" in reencrypted()


def test_key_that_was_retired_meanwhile_stays_forgotten(db):
    key = make_signing_key(make_domain())
    DkimKey.objects.get(pk=key.pk).retire()
    key.reencrypt()
    assert DkimKey.objects.get(pk=key.pk).private_key == ""


def reencrypted(*options: str) -> str:
    said, complaints = StringIO(), StringIO()
    call_command("reencrypt_keys", *options, stdout=said, stderr=complaints)
    return said.getvalue()
