"""Which addresses a tracked link may lead to: an open redirect is a vulnerability."""

import re
import unicodedata
from functools import lru_cache

# Forbidden host code points (URL Standard, 3.2) and the percent sign: browsers decode %2e and %40
# in a host, other parsers do not.
_HOST = r"""[^\x00-\x20\x7f-\x9f"#%/:<>?@\[\\\]^`{|}]+"""

# All that may split a header line (PITFALLS, MIME and headers), the backslash, which browsers
# read as a slash and parsers do not, and lone surrogates, which no encoding can carry.
_REST = r"[/?#][^\x00-\x1f\x7f-\x9f\\\u2028\u2029\ud800-\udfff]*(?<! )"

_URL = re.compile(
    rf"https?://(?P<host>{_HOST}|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?(?:{_REST})?",
    re.IGNORECASE | re.ASCII,  # in Unicode the long s (U+017F) matches "s"
)
_HOST_ONLY = re.compile(_HOST)


@lru_cache(maxsize=64)  # asked twice for each link: by who finds it, and by who signs it
def is_safe_target(url: str) -> bool:
    """Tell whether a redirect may lead to `url`.

    True only for absolute http and https URLs with a host that every parser reads alike: no user
    info (`https://good@evil`), no control characters or line separators, no backslash, no
    percent-encoding or look-alike punctuation in the host, no white space around. A plain space in
    the path or query is fine: browsers encode it.
    """
    match = _URL.fullmatch(url)
    if match is None:
        return False
    host = match["host"]
    # NFKC turns full-width punctuation into the real one, as IDNA does in browsers (UTS 46).
    return host.isascii() or _HOST_ONLY.fullmatch(unicodedata.normalize("NFKC", host)) is not None
