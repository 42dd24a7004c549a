"""A mail's HTML as a document of its own, for the `srcdoc` of a sandboxed frame on a staff page.

The frame does the isolation: `<iframe sandbox srcdoc>` without allow-scripts and
allow-same-origin. The policy inside is the second lock: nothing but styles and images.
"""

# The doctype comes first, so that the mail's own is ignored, and not the one that follows.
_BEGINNING = """<!doctype html>\
<meta charset="utf-8">\
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; img-src http: https: data:; font-src http: https: data:">\
<meta name="referrer" content="no-referrer">\
<base target="_blank">"""


def framed(html: str) -> str:
    """Return `html` as it goes into `srcdoc`, which takes `force_escape` in the template."""
    return _BEGINNING + html
