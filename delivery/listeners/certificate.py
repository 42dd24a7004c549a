"""The certificate of our listeners, read again when its files change, as certbot changes them."""

from __future__ import annotations

import logging
import ssl
import time
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0


class Certificate:
    """A certificate chain and its key, both in PEM files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read both. Raises ImproperlyConfigured with what to do."""
        self._files = (certificate, key)
        self._looked = time.monotonic()
        try:
            self._stamp = self._changed_at()
            self._context = self._read()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ImproperlyConfigured(
                f"TLS_CERT_FILE={certificate} and TLS_KEY_FILE={key} can't be used ({error}). "
                "Name files in PEM form, the certificate with its chain, that belong together and "
                "that the mail server's user may read."
            ) from None

    def context(self) -> ssl.SSLContext:
        """Return what all connections use, always the same; to be asked at each new one.

        Changed files are taken up into it; those that can't be used leave the last ones in use.
        """
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self._look()
        return self._context

    def _look(self) -> None:
        try:
            stamp = self._changed_at()
            if stamp != self._stamp:
                self._read()  # raises where they do not belong together (yet)
                self._context.load_cert_chain(*self._files)
                self._stamp = stamp
                logger.info("took up the changed certificate", extra={"file": str(self._files[0])})
        except (OSError, ValueError) as error:
            logger.error("the changed certificate can't be used, the last one is: %s", error)

    def _changed_at(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns for file in self._files)

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._files)
        return context


@cache
def configured_certificate() -> Certificate | None:
    """Return the certificate of the settings, one for all listeners, or None without one."""
    if not settings.TLS_CERT_FILE:
        return None
    return Certificate(Path(settings.TLS_CERT_FILE), Path(settings.TLS_KEY_FILE))
