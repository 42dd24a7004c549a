"""All settings: from the environment, read here and nowhere else; README.md lists them."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from mailer import environment
from mailer.logging import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(environment.text("VAR", "Name the data folder.", default="var"))
VAR = VAR if VAR.is_absolute() else BASE_DIR / VAR
environment.load_generated_settings(VAR)

# --- Who we are -----------------------------------------------------------------------------

SECRET_KEY = environment.text(
    "SECRET_KEY", "Set it to 50 or more random characters; `make run` generates one by itself."
)
PUBLIC_URL = environment.url(
    "PUBLIC_URL",
    ("http", "https"),
    "Give the address at which readers of the mail reach this server, like https://mail.example.com.",
)
_public = urlsplit(PUBLIC_URL)
_secure = _public.scheme == "https"
ALLOWED_HOSTS = [
    *environment.words("ALLOWED_HOSTS", [_public.hostname or ""]),
    *("localhost", "127.0.0.1", "[::1]"),  # health checks, whatever the others are
]
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS", [environment.origin(_public)])
TRUSTED_PROXIES = environment.networks("TRUSTED_PROXIES", [])
DEBUG = environment.switch("DEBUG", False)

# --- Parts ----------------------------------------------------------------------------------

DATABASES = {"default": environment.database("DATABASE_URL", f"sqlite:///{VAR / 'db.sqlite3'}")}
_database: dict[str, Any] = DATABASES["default"]
_options: dict[str, Any] = _database.setdefault("OPTIONS", {})
if "sqlite" in _database["ENGINE"]:
    _database["TEST"] = {"NAME": str(VAR / "test.sqlite3")}  # threads share a file, not a memory
    _options |= {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",  # writers wait for their turn instead of failing
        # FULL: with NORMAL, WAL forgets the last commits when the power goes
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    _database["ENGINE"] = "mailer.postgresql"  # its health checks cost no round trip
    _database["CONN_HEALTH_CHECKS"] = True
    _options |= {
        "connect_timeout": 3,
        # A host that went away without a word is noticed within half a minute, not within hours.
        **{"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3},
        "tcp_user_timeout": 30_000,  # milliseconds
    }
    # Statements that ask for it are prepared at once, unless a pooler can't bear that.
    _options["prepare_threshold"] = 0 if environment.switch("DATABASE_PREPARE", True) else None
DATABASE_ANSWER_SECONDS = environment.number("DATABASE_ANSWER_SECONDS", 8.0, most=3600)
_database["CONN_MAX_AGE"] = environment.number("DATABASE_CONN_MAX_AGE", 60, least=0)

REDIS_URL = environment.url(
    "REDIS_URL", ("redis", "rediss"), "Give a URL like redis://host:6379/0.", default=""
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications ---------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_celery_beat",
    "accounts",
    "uploads",
    "emails",
    "tracking",
    "delivery",
    "mailer",
]
MIDDLEWARE = [
    "mailer.proxies.TrustedProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# The API knows no files, cookies and logins, only keys: what serves staff pages is not for it.
API_MIDDLEWARE = [
    name
    for name in MIDDLEWARE
    if not name.startswith(("whitenoise.", "django.contrib.")) and "csrf" not in name
]
ROOT_URLCONF = "mailer.urls"
WSGI_APPLICATION = "mailer.wsgi.application"
APPEND_SLASH = False  # API routes answer with and without a slash, never by a redirect
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.parsers.LimitedJSONParser"],
    "EXCEPTION_HANDLER": "accounts.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}

# --- Staff pages ----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "mailer.formats"
STATIC_URL = "/static/"
# True where `manage.py collectstatic` was run: hashed and compressed files. Otherwise they are
# served from where they lie, and nothing has to be run first.
STATIC_COLLECTED = environment.switch("STATIC_COLLECTED", False)
STATIC_ROOT = BASE_DIR / "staticfiles" if STATIC_COLLECTED else None
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = environment.number("HSTS_SECONDS", 3600 if _secure else 0, least=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # the operator's domain, not ours
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # TrustedProxyMiddleware guards it
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # subdomains and preload are the operator's choice
    "security.W008",  # TLS ends at the proxy, which redirects
    "security.W021",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
UNFOLD = {
    "SITE_TITLE": "Mailer",
    "SITE_HEADER": "Mailer",
    "SITE_SYMBOL": "mail",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["mailer.navigation.stylesheet"],
    "SIDEBAR": {"show_search": False, "navigation": "mailer.navigation.sidebar"},
}

# --- What we accept -------------------------------------------------------------------------

MEGABYTE = 1024 * 1024
MAX_RECIPIENTS = environment.number("MAX_RECIPIENTS", 50, most=10_000)
MAX_MESSAGE_BYTES = environment.number("MAX_MESSAGE_BYTES", 25 * MEGABYTE)
MAX_UPLOAD_BYTES = environment.number("MAX_UPLOAD_BYTES", 25 * MEGABYTE)
# Base64 makes content a third longer, and JSON escapes a little more.
MAX_REQUEST_BYTES = MAX_MESSAGE_BYTES * 3 // 2
MAX_BATCH = environment.number("MAX_BATCH", 1000, most=10_000)
MAX_BATCH_BYTES = environment.number("MAX_BATCH_BYTES", 25 * MEGABYTE)
ALLOW_ANY_FROM = environment.switch("ALLOW_ANY_FROM", False)
IDEMPOTENCY_SECONDS = environment.number("IDEMPOTENCY_SECONDS", 86_400, most=30 * 86_400)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * MEGABYTE  # forms of staff pages; the API has its own limit

# --- Files ----------------------------------------------------------------------------------

UPLOADS_ROOT = VAR / "uploads"
UPLOADS_PUBLIC_URL = environment.url(
    "UPLOADS_PUBLIC_URL", ("http", "https"), "Give the base URL of a CDN.", default=""
)
S3_BUCKET = environment.text("S3_BUCKET", "", default="")
S3_ENDPOINT_URL = environment.url(
    "S3_ENDPOINT_URL", ("http", "https"), "Give a URL like https://s3.example.com.", default=""
)
STORAGES: dict[str, dict[str, Any]] = {
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
    "default": {"BACKEND": "uploads.local.LocalStorage", "OPTIONS": {"location": UPLOADS_ROOT}},
}
if S3_BUCKET:
    STORAGES["default"] = {
        "BACKEND": "uploads.s3.S3Storage",
        "OPTIONS": {"bucket_name": S3_BUCKET, "endpoint_url": S3_ENDPOINT_URL or None},
    }

# --- Tracking -------------------------------------------------------------------------------

TRACKING_KEYS = environment.words("TRACKING_KEYS", [])
if not TRACKING_KEYS or min(map(len, TRACKING_KEYS)) < 32:
    raise ImproperlyConfigured(
        "TRACKING_KEYS must list at least one key of 32 or more random characters, newest first. "
        "Keep old keys in the list: links in mail already sent need them."
    )
SPOOL_ROOT = VAR / "spool"

# --- Secrets in the database ----------------------------------------------------------------

ENCRYPTION_KEYS = environment.words("ENCRYPTION_KEYS", [])
if not ENCRYPTION_KEYS or min(map(len, ENCRYPTION_KEYS)) < 32:
    raise ImproperlyConfigured(
        "ENCRYPTION_KEYS must list at least one key of 32 or more random characters, newest first. "
        "Keep an old key in the list until `manage.py reencrypt_keys` was run."
    )

# --- Delivery -------------------------------------------------------------------------------

MAIL_TRANSPORT = environment.choice("MAIL_TRANSPORT", ("capture", "relay", "mx"))
OUTBOX_ROOT = VAR / "outbox"
SMTP_RELAY_URL = environment.urls(
    "SMTP_RELAY_URL",
    ("smtp", "smtps"),
    "Give a URL like smtp://user:password@relay.example.com:587?tls=starttls, or several with "
    "commas between; a comma in a password is %2C.",
    **({} if MAIL_TRANSPORT == "relay" else {"default": ""}),
)
DNS_SERVERS = environment.servers("DNS_SERVERS", [])
MX_PORT = environment.number("MX_PORT", 25, most=65_535)
MX_REQUIRE_TLS = environment.switch("MX_REQUIRE_TLS", False)
MTA_STS = environment.switch("MTA_STS", True)
PRIVATE_NETWORKS = environment.networks("PRIVATE_NETWORKS", [])
HELO_NAME = environment.text("HELO_NAME", "", default=_public.hostname or "localhost")
SENDING_ADDRESSES = environment.ip_addresses("SENDING_ADDRESSES", [])
# Before a relay more are of no use than it takes at once; before many servers, some hang at a few.
_straight = MAIL_TRANSPORT == "mx"
DELIVERY_CONCURRENCY = environment.number(
    "DELIVERY_CONCURRENCY", 200 if _straight else 50, most=2000
)
RELAY_MAX_CONNECTIONS = environment.number(
    "RELAY_MAX_CONNECTIONS", 50 if _straight else DELIVERY_CONCURRENCY, most=2000
)
DELIVERY_MAX_BYTES = environment.number("DELIVERY_MAX_BYTES", 100 * MEGABYTE)
LEASE_SECONDS = environment.number("LEASE_SECONDS", 45, least=5, most=3600)
LOOK_SECONDS = environment.number("LOOK_SECONDS", 2.0, least=0.05, most=60)
DRAIN_SECONDS = environment.number("DRAIN_SECONDS", 5.0, least=0, most=600)
RETRY_FIRST_SECONDS = environment.number("RETRY_FIRST_SECONDS", 300, most=86_400)
RETRY_MAX_SECONDS = environment.number("RETRY_MAX_SECONDS", 4200, most=7 * 86_400)
RETRY_JITTER = environment.number("RETRY_JITTER", 0.15, least=0, most=0.5)
RETRY_FOR_SECONDS = environment.number("RETRY_FOR_SECONDS", 5 * 86_400, most=30 * 86_400)

# --- The mail server ------------------------------------------------------------------------

INBOUND_LISTEN = environment.addresses("INBOUND_LISTEN")
RETURN_PATH_DOMAIN = environment.domain("RETURN_PATH_DOMAIN")
RETURN_PATH_DAYS = environment.number("RETURN_PATH_DAYS", 30, most=365)
TLS_CERT_FILE = environment.text("TLS_CERT_FILE", "", default="")
TLS_KEY_FILE = environment.text("TLS_KEY_FILE", "", default="")
if bool(TLS_CERT_FILE) != bool(TLS_KEY_FILE):
    raise ImproperlyConfigured(
        "TLS_CERT_FILE and TLS_KEY_FILE belong together. Set both of them to offer TLS, or none."
    )
INBOUND_MAX_BYTES = environment.number("INBOUND_MAX_BYTES", 10 * MEGABYTE, least=10_000)
INBOUND_MAX_CONNECTIONS = environment.number("INBOUND_MAX_CONNECTIONS", 100, most=10_000)
INBOUND_CONNECTIONS_PER_ADDRESS = environment.number(
    "INBOUND_CONNECTIONS_PER_ADDRESS", 10, most=10_000
)
INBOUND_MAILS_PER_MINUTE = environment.number("INBOUND_MAILS_PER_MINUTE", 60, most=1_000_000)
# Of messages that are being taken, at each address that is listened at.
LISTENER_MAX_BYTES = environment.number(
    "LISTENER_MAX_BYTES",
    8 * max(INBOUND_MAX_BYTES, MAX_MESSAGE_BYTES),
    least=max(INBOUND_MAX_BYTES, MAX_MESSAGE_BYTES),
)
SUBMISSION_LISTEN = environment.addresses("SUBMISSION_LISTEN")
SUBMISSIONS_LISTEN = environment.addresses("SUBMISSIONS_LISTEN")
SUBMISSION_AUTH_IN_CLEAR = environment.switch("SUBMISSION_AUTH_IN_CLEAR", False)
if SUBMISSIONS_LISTEN and not TLS_CERT_FILE:
    raise ImproperlyConfigured(
        "SUBMISSIONS_LISTEN begins with TLS, which needs a certificate. Set TLS_CERT_FILE and "
        "TLS_KEY_FILE, or leave it empty."
    )
if SUBMISSION_LISTEN and not (TLS_CERT_FILE or SUBMISSION_AUTH_IN_CLEAR):
    raise ImproperlyConfigured(
        "SUBMISSION_LISTEN takes API keys over TLS alone, which needs a certificate. Set "
        "TLS_CERT_FILE and TLS_KEY_FILE; on your own machine, SUBMISSION_AUTH_IN_CLEAR=true."
    )

# --- Celery ---------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "embedded://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        # A dead Redis must not hold a request: bells are cheap, and the pumps look by themselves.
        "socket_timeout": 2.0,
        "socket_connect_timeout": 0.5,
        "max_retries": 0,
    }
    if REDIS_URL
    else {"folder": str(VAR / "broker")}
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_POOL = "solo"  # one process, one pump: docs/adr/0004-one-process-a-worker.md
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = bool(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BEAT_SCHEDULER = "mailer.clock:Clock"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {  # django-celery-beat copies it to the database, where staff see it
    "ring for what is due": {
        "task": "delivery.ring",
        "schedule": 1.0,
        "options": {"expires": 10},
    },
    "forget expired idempotency keys": {
        "task": "accounts.forget_expired_keys",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "look at the DNS of sending domains": {
        "task": "delivery.check_domains",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
}
CELERY_TIMEZONE = "UTC"

# --- Metrics --------------------------------------------------------------------------------

METRICS_ALLOWED = environment.networks("METRICS_ALLOWED", ["127.0.0.0/8", "::1"])
METRICS_PORT = environment.number("METRICS_PORT", 0, least=0, most=65_535)
METRICS_ADDRESS = environment.text("METRICS_ADDRESS", "", default="127.0.0.1")
METRICS_ROOT = BASE_DIR / environment.text("METRICS_ROOT", "", default=str(VAR / "metrics"))

# --- Logs -----------------------------------------------------------------------------------

LOGGING = logging_config(
    form=environment.choice("LOG_FORMAT", ("json", "text"), default="json"),
    level=environment.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO"),
)
