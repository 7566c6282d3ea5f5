"""Django settings; every value that differs between machines comes from the environment (deploy/env.example)."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from core.configuration import ConfigurationError, read_configuration
from core.logging import logging_settings
from core.mailer import files_in

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    configuration = read_configuration(os.environ)
except ConfigurationError as error:
    # One line for whoever starts the process; a traceback would bury the name of the setting.
    raise SystemExit(f"countersign: {error}") from None

DEMO = configuration.demo
DEBUG = configuration.debug
SECRET_KEY = configuration.secret_key
ALLOWED_HOSTS = list(configuration.allowed_hosts)
PUBLIC_URL = configuration.public_url
STRIPE_API_BASE = configuration.stripe_api_base
# docs.stripe.com/sdks/stripejs-versioning: named like the API version that we pin.
STRIPE_JS_URL = configuration.stripe_js_url or (
    f"{STRIPE_API_BASE}/js/stripe.js" if STRIPE_API_BASE else "https://js.stripe.com/dahlia/stripe.js"
)
# Where browsers find the stand-in Stripe: behind a proxy that is not where its API is.
STAND_IN_ORIGIN = "{0.scheme}://{0.netloc}".format(urlsplit(STRIPE_JS_URL)) if STRIPE_API_BASE else ""
STRIPE_ACCOUNTS = configuration.accounts
AUDIT_SIGNING_KEY = configuration.audit_key
SHOP_NAME = configuration.shop_name
ORDER_STALE_HOURS = configuration.order_stale_hours
WEBHOOK_PAYLOAD_DAYS = configuration.webhook_payload_days
TRUSTED_PROXIES = configuration.trusted_proxies
CHECKOUTS_PER_BROWSER = configuration.checkouts_per_browser
CHECKOUTS_PER_ADDRESS = configuration.checkouts_per_address
REFUND_LIMIT = configuration.refund_limit
METRICS_TOKEN = configuration.metrics_token
METRICS_PORT = configuration.metrics_port
SUPERUSER_USERNAME = configuration.superuser_username
SUPERUSER_PASSWORD = configuration.superuser_password

# The HTTP client under stripe-python; the tests put one in that checks every request against Stripe's API description.
STRIPE_HTTP_CLIENT = "stripe.RequestsClient"

INSTALLED_APPS = [
    "core.apps.CoreConfig",
    "billing",
    "orders",
    "webhooks",
    "finance",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "core.apps.StaffSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "procrastinate.contrib.django",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
]

MIDDLEWARE = [
    "core.middleware.RequestContextMiddleware",
    "core.proxies.ClientAddressMiddleware",
    "core.middleware.CookieMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "core.middleware.ProgramsMiddleware",
    # From here on, only what people ask for.
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "core.middleware.AdminContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.LanguageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "core.middleware.StaffSessionMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.RefusalMiddleware",
    "core.middleware.DenialMiddleware",
    "axes.middleware.AxesMiddleware",
]

FOR_PROGRAMS = ("/webhooks/",)

ROOT_URLCONF = "core.urls"
WSGI_APPLICATION = "core.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": dj_database_url.parse(configuration.database_url, conn_max_age=600, conn_health_checks=True)}
# Whom `manage.py grant_application` grants; web and worker have it as their DATABASE_URL.
APPLICATION_DATABASE_URL = configuration.application_database_url
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ru", "Русский")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
# The demo needs no collectstatic: whitenoise serves the apps' own static folders there.
STATIC_ROOT = None if DEMO else BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = DEMO
# In production a file's name holds the hash of what is in it, so that browsers keep it for good, and a compressed copy
# stands beside it; the demo serves them as they are.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Why so: docs/decisions/0015-staff-sign-in.md
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "core.staff.backend.StaffBackend"]
SECOND_FACTOR_REQUIRED = not DEMO
OTP_ADMIN_HIDE_SENSITIVE_DATA = True
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "core.staff.views.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# Its table of failures is emptied when it is of no use any more; the event log, which holds no address, is the record.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "csrfmiddlewaretoken"]

# The demo speaks plain http on the loopback; everywhere else cookies and pages need TLS.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = not DEMO
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if DEMO else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEMO
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
# Not Strict: a link to an order, in a message or a note at Stripe's dashboard, must find its reader signed in.
SESSION_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # who chose a language should not have to choose again
# The longest that a session lasts; core/staff/sessions.py ends it earlier.
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"  # the order page's address carries a signed token
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
LOGIN_REDIRECT_URL = "admin:index"
CSRF_FAILURE_VIEW = "core.views.csrf_refused"

# Chromium applies form-action to the redirect that follows a form's POST, so the Buy form must admit the checkout's
# origin.
CHECKOUT_ORIGIN = STAND_IN_ORIGIN or "https://checkout.stripe.com"
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF, CHECKOUT_ORIGIN],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
# The page with the Payment Element. Source: docs.stripe.com/security/guide#content-security-policy
STRIPE_JS_ORIGINS = (
    [STAND_IN_ORIGIN]
    if STAND_IN_ORIGIN
    else ["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"]
)
PAYMENT_CSP = SECURE_CSP | {
    "script-src": [CSP.SELF, *STRIPE_JS_ORIGINS],
    "frame-src": STRIPE_JS_ORIGINS,
    "connect-src": [CSP.SELF, STAND_IN_ORIGIN or "https://api.stripe.com"],
}
# django-unfold's Alpine evaluates expressions, and its templates carry inline styles.
ADMIN_CSP = SECURE_CSP | {
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "form-action": [CSP.SELF],
}

# Unset, the demo's mails are files; elsewhere none are written, which is said when a process starts (orders/mails).
mailer = configuration.mailer or (files_in(BASE_DIR / ".local" / "mail") if DEMO else None)
MAILERS = {"default": {"BACKEND": mailer.backend, "OPTIONS": mailer.options}} if mailer else {}
DEFAULT_FROM_EMAIL = configuration.email_from
SILENCED_SYSTEM_CHECKS = ["mail.W001"]  # that there is no mailer: as above

# A webhook event of Stripe is a few kilobytes; nothing else that we accept is larger.
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024

LOGGING_CONFIG = None
logging_settings(readable=DEMO or DEBUG)

UNFOLD = {
    "SITE_TITLE": "Countersign",
    "SITE_HEADER": "Countersign",
    "SITE_SYMBOL": "verified",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("core/favicon.svg")}],
    "ENVIRONMENT": ["demo", "warning"] if DEMO else None,
    "SHOW_LANGUAGES": True,
    "SCRIPTS": [lambda _request: static("core/time_zone.js")],
    "STYLES": [lambda _request: static("core/admin.css")],
    "SIDEBAR": {"navigation": "core.admin_site.navigation"},
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Two-factor sign-in"), "link": reverse_lazy("admin:second_factor")},
        ]
    },
    "DASHBOARD_CALLBACK": "finance.views.home",
    # The shop's green.
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .015 165)",
            "100": "oklch(94.5% .03 165)",
            "200": "oklch(89% .055 165)",
            "300": "oklch(81% .085 165)",
            "400": "oklch(72% .105 165)",
            "500": "oklch(60.5% .105 165)",
            "600": "oklch(47.5% .088 165)",
            "700": "oklch(41% .076 165)",
            "800": "oklch(35% .063 165)",
            "900": "oklch(30% .052 165)",
            "950": "oklch(22% .04 165)",
        }
    },
}
