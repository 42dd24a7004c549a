"""The signer that the settings name, made once in a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from delivery.smtp.dkim import Signer


def configured_signer() -> Signer | None:
    """Return the signer of the DKIM_* settings, or None where they are not set.

    Raises ImproperlyConfigured with what to do.
    """
    if not settings.DKIM_DOMAIN:
        return None
    return _signer(settings.DKIM_DOMAIN, settings.DKIM_SELECTOR, settings.DKIM_PRIVATE_KEY_FILE)


@lru_cache(maxsize=1)
def _signer(domain: str, selector: str, key_file: str) -> Signer:
    try:
        return Signer(domain, selector, Path(key_file).read_bytes())
    except OSError as error:
        raise ImproperlyConfigured(
            f"DKIM_PRIVATE_KEY_FILE can't be read ({error.strerror}): {key_file}. "
            "Name a file with a private key in PEM form that the worker's user may read."
        ) from None
    except ValueError as error:
        raise ImproperlyConfigured(
            f"DKIM_DOMAIN={domain}, DKIM_SELECTOR={selector} and DKIM_PRIVATE_KEY_FILE={key_file} "
            f"can't sign. {error}"
        ) from None
