"""DKIM signatures (RFC 6376, with the algorithms of RFC 8301 and RFC 8463)."""

from .signer import Signer, sign

__all__ = ["Signer", "sign"]
