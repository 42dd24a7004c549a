"""From the bytes of a message that a program submits by SMTP to an accepted email.

What our model holds exactly is taken apart, and written anew at delivery as if the API had brought
it. Anything else goes as it came: docs/adr/0022-as-it-came.md.
"""

from delivery.submitted.message import Message, read
from delivery.submitted.taking import take

__all__ = ["Message", "read", "take"]
