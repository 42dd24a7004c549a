"""A message as bytes: RFC 5322 and MIME, written once and the same at every attempt.

The standard library's writer is slow, encodes long List-Unsubscribe and References fields as words
that no reader decodes there, and writes invalid addresses for international domains.
"""

from delivery.mime.assembly import assemble
from delivery.mime.draft import Draft, Part, needs_smtputf8

__all__ = ["Draft", "Part", "assemble", "needs_smtputf8"]
