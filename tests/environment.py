"""Settings of the test run, set before Django reads them (loaded by `-p tests.environment`)."""

import os
import tempfile

VAR = tempfile.mkdtemp(prefix="mailer-tests-")

os.environ |= {
    "SECRET_KEY": "tests-only-tests-only-tests-only-tests-only-tests-only",
    "TRACKING_KEYS": "tests-only-newest-key-0123456789abcdef,tests-only-older-key-0123456789abcdef",
    "PUBLIC_URL": "https://mail.example.test",
    "MAIL_TRANSPORT": "capture",
    "LOG_FORMAT": "text",
    "VAR": VAR,
}
