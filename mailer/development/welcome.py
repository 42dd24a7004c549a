"""What `make run` says once everything runs."""

import json
import shlex
from pathlib import Path

from mailer.development.prepare import PASSWORD_FILE, STAFF, Access

EXAMPLE = {
    "to_email": "you@example.com",
    "to_name": "You",
    "from_email": "hello@example.com",
    "subject": "Hello",
    "html_body": '<p>It works. <a href="https://example.com/?a=1&amp;b=2">A tracked link</a></p>',
}


def welcome(url: str, smtp: str, var: Path, access: Access, *, inbox: bool) -> str:
    """Return the addresses, the key, and a curl command that can be pasted."""
    password = access.new_password or f"see {var / PASSWORD_FILE}"
    lines = [
        f"  URL      {url}",
        f"  admin    {url}/admin/  (user {STAFF}, password {password})",
        *([f"  inbox    {url}/inbox  (every mail that is sent; none leaves this machine)"] * inbox),
        f"  SMTP     {smtp}  (any user name, the API key as the password; no TLS)",
        f"  API key  {access.api_key}",
        "",
        "Send an email:",
        "",
        curl(url, access.api_key),
        "",
        "ready; Ctrl-C stops everything",
    ]
    return "\n".join(lines)


def curl(url: str, api_key: str) -> str:
    """Return a shell command that sends EXAMPLE."""
    words = [
        ["curl", "-sS", f"{url}/api/emails"],
        ["-H", f"Authorization: Bearer {api_key}"],
        ["-H", "Content-Type: application/json"],
        ["-d", json.dumps(EXAMPLE)],
    ]
    return " \\\n  ".join(shlex.join(line) for line in words)
