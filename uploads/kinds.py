"""Content types that we know, and the file extensions that each may carry."""

OCTETS = "application/octet-stream"
TEXT = "text/plain"
ZIP = "application/zip"
OOXML = "application/vnd.openxmlformats-officedocument"
OPENDOCUMENT = "application/vnd.oasis.opendocument"
OLE = "application/x-ole-storage"

# The first extension of each is the one given to a file whose own does not fit.
EXTENSIONS: dict[str, tuple[str, ...]] = {
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "image/avif": ("avif",),
    "image/heif": ("heic", "heif"),
    "image/tiff": ("tif", "tiff"),
    "image/x-icon": ("ico",),
    "image/svg+xml": ("svg",),
    "application/pdf": ("pdf",),
    "application/rtf": ("rtf",),
    ZIP: ("zip",),
    "application/gzip": ("gz", "tgz"),
    "application/x-7z-compressed": ("7z",),
    "application/vnd.rar": ("rar",),
    "application/x-xz": ("xz", "txz"),
    "application/x-bzip2": ("bz2", "tbz2"),
    "application/x-tar": ("tar",),
    f"{OOXML}.wordprocessingml.document": ("docx",),
    f"{OOXML}.spreadsheetml.sheet": ("xlsx",),
    f"{OOXML}.presentationml.presentation": ("pptx",),
    f"{OPENDOCUMENT}.text": ("odt",),
    f"{OPENDOCUMENT}.spreadsheet": ("ods",),
    f"{OPENDOCUMENT}.presentation": ("odp",),
    "application/epub+zip": ("epub",),
    OLE: ("ole",),
    "application/msword": ("doc",),
    "application/vnd.ms-excel": ("xls",),
    "application/vnd.ms-powerpoint": ("ppt",),
    "application/vnd.ms-outlook": ("msg",),
    "audio/mpeg": ("mp3",),
    "audio/wav": ("wav",),
    "video/x-msvideo": ("avi",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/flac": ("flac",),
    "video/mp4": ("mp4", "m4v"),
    "video/quicktime": ("mov", "qt"),
    "video/webm": ("webm",),
    "font/woff2": ("woff2",),
    "application/vnd.microsoft.portable-executable": ("exe", "dll", "sys"),
    TEXT: ("txt", "text", "log"),
    "text/html": ("html", "htm"),
    "text/csv": ("csv",),
    "text/tab-separated-values": ("tsv",),
    "text/markdown": ("md", "markdown"),
    "text/calendar": ("ics",),
    "text/vcard": ("vcf",),
    "text/css": ("css",),
    "text/javascript": ("js", "mjs"),
    "application/json": ("json",),
    "application/xml": ("xml",),
    "application/yaml": ("yaml", "yml"),
    "message/rfc822": ("eml",),
    OCTETS: ("bin",),
}
CLAIMED = frozenset(extension for all_of in EXTENSIONS.values() for extension in all_of)

# What the bytes of these allow, and only an extension can tell apart.
REFINED: dict[str, frozenset[str]] = {
    TEXT: frozenset(
        {
            "text/csv",
            "text/tab-separated-values",
            "text/markdown",
            "text/calendar",
            "text/vcard",
            "text/css",
            "text/javascript",
            "text/html",
            "application/json",
            "application/xml",
            "application/yaml",
            "message/rfc822",
        }
    ),
    OLE: frozenset(
        {
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-outlook",
        }
    ),
}

# Raster images run no script in any browser: the only ones that a page may show from our origin.
SHOWN_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})


def refine(content_type: str, extension: str) -> str:
    """Return the narrower type that `extension` names, where the content allows it."""
    for narrower in REFINED.get(content_type, ()):
        if extension in EXTENSIONS[narrower]:
            return narrower
    return content_type


def safe_extension(content_type: str, extension: str) -> str:
    """Return `extension` where it tells the truth about the content, else the type's own.

    Of a type unknown to us any short word is kept that does not claim one of those known.
    """
    known = EXTENSIONS.get(content_type, EXTENSIONS[OCTETS])
    if extension in known:
        return extension
    harmless = extension.isascii() and extension.isalnum() and len(extension) <= 10
    if known == EXTENSIONS[OCTETS] and harmless and extension not in CLAIMED:
        return extension
    return known[0]
