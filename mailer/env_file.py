"""`make env`: writes .env from .env.example, with fresh secrets.

Standard library only, and started by its path: it runs where nothing is installed yet.
"""

import os
import re
import secrets
import sys
from pathlib import Path

EXAMPLE, TARGET = Path(".env.example"), Path(".env")
SECRET_BYTES = 32


def filled(example: str) -> str:
    """Return `example` with a secret of its own for every value that is "generate".

    A secret is 64 hexadecimal digits: nothing in it means anything to a shell, a URL or Compose.
    """
    return re.sub(r"(?<==)generate$", _secret, example, flags=re.MULTILINE)


def _secret(_: "re.Match[str]") -> str:
    return secrets.token_hex(SECRET_BYTES)


def main() -> None:
    """Write .env, which only its owner can read; exits with a sentence when there is one."""
    text = filled(EXAMPLE.read_text())
    try:
        descriptor = os.open(TARGET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.exit(
            "error: .env is there already and stays as it is. Its secrets can't be made again."
        )
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    sys.stdout.write("written: .env; now set PUBLIC_URL and SMTP_RELAY_URL at its top\n")


if __name__ == "__main__":
    main()
