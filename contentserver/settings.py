"""Django's settings, all of them derived from contentserver.conf."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from celery.schedules import crontab
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from contentserver import __version__
from contentserver.bodies import LARGEST
from contentserver.conf import Config, config, django_secret_key
from contentserver.database import database_settings
from contentserver.database_users import chosen
from contentserver.logs import configure_structlog, logging_config

# Lets ModelAdmin[Client] and the like, which mypy asks for, be written at run time as well.
django_stubs_ext.monkeypatch()

CONFIG: Config = config()
BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = django_secret_key(CONFIG)
DEBUG = CONFIG.debug
ALLOWED_HOSTS = list(
    {urlsplit(CONFIG.public_url).hostname or "127.0.0.1", "127.0.0.1", "localhost", "[::1]"}
    | set(CONFIG.hosts)
)
CSRF_TRUSTED_ORIGINS = [CONFIG.public_url]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "skold",
    # Before staticfiles: its runserver must not hide ours.
    "contentserver",
    "migrator",
    "skold.login.config.LoginConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_otp",
]

MIDDLEWARE = [
    "contentserver.middleware.ProxyMiddleware",
    "contentserver.middleware.RequestIdMiddleware",
    "contentserver.middleware.ShortBodiesMiddleware",
    "contentserver.middleware.DatabaseDownMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "contentserver.middleware.ContentSecurityPolicyMiddleware",
    "contentserver.middleware.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "skold.control.middleware.AdminAuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "contentserver.urls"
WSGI_APPLICATION = "contentserver.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of any application: unfold must stand before the admin, and we override both.
        "DIRS": [BASE_DIR / "contentserver" / "templates"],
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

DATABASES = {"default": database_settings(CONFIG, chosen())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SKOLD_EXPORT_LIMIT = CONFIG.export_limit
SKOLD_SECOND_FACTOR = CONFIG.second_factor
SKOLD_PERSON_ISSUERS = CONFIG.person_issuers
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = CONFIG.language
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / app / "locale" for app in ("contentserver", "skold", "migrator")]
TIME_ZONE = CONFIG.time_zone.key
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = CONFIG.static
# Without a folder for collected files (a developer's machine) they are served from where they are
# installed.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = STATIC_ROOT is None
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

_HTTPS = CONFIG.public_url.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CONFIG.trusted_proxies else None
SECURE_SSL_REDIRECT = _HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "contentserver_session"
SESSION_COOKIE_AGE = 12 * 3600
# File bodies never come here: the largest thing the control plane takes is a form.
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGEST
SILENCED_SYSTEM_CHECKS: list[str] = []

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

REST_FRAMEWORK: dict[str, Any] = {
    # A view that names no authentication and no permission answers nobody.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Content server",
    "DESCRIPTION": "Immutable files, a folder for each year, encrypted, every access recorded.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "contentserver.api.data_plane_openapi.merge_data_plane",
    ],
    "TAGS": [
        {"name": "operation", "description": "Health and figures, without a credential."},
    ],
}

CELERY_BROKER_URL = CONFIG.broker_url
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A task taken by a worker that died comes back after this; longer than the longest task may
    # take.
    "visibility_timeout": 600,
    # Kombu looks for such tasks each so many seconds, and not at every poll of every worker.
    "unacked_restore_interval": 30,
    "unacked_restore_throttle": 10,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 540
CELERY_TASK_SOFT_TIME_LIMIT = 480
CELERY_TASK_DEFAULT_QUEUE = "contentserver"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    "open next year": {
        "task": "contentserver.tasks.open_next_year",
        "schedule": crontab(minute="17", month_of_year="12"),
    },
    "expire uploads": {
        "task": "contentserver.tasks.expire_uploads",
        "schedule": crontab(minute="*/15"),
        "options": {"expires": 890},
    },
    "clear sessions": {
        "task": "contentserver.tasks.clear_sessions",
        "schedule": crontab(minute="41", hour="3"),
    },
    "verify the audit": {
        "task": "contentserver.tasks.verify_audit",
        # Asked for often; done once a day, and gone on with while it is not at its end.
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 590},
    },
    "judge the audit": {
        "task": "skold.tasks.judge_audit",
        "schedule": 120.0,
        "options": {"expires": 110},
    },
    "mark due months": {
        "task": "contentserver.tasks.mark_due_months",
        "schedule": crontab(minute="11", hour="4"),
    },
    "sync sources": {
        "task": "migrator.tasks.sync_sources",
        "schedule": 60.0,
        # One that waited for a worker until the next was due is not needed any more.
        "options": {"expires": 55},
    },
}

LOGGING = logging_config(CONFIG.log_level)
configure_structlog()

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Content server"),
    "SITE_HEADER": _("Content server"),
    "SITE_SUBHEADER": CONFIG.institution,
    "SITE_SYMBOL": "inventory_2",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("contentserver/favicon.svg"),
        }
    ],
    "SITE_URL": reverse_lazy("admin:index"),
    "DASHBOARD_CALLBACK": "contentserver.admin.dashboard.add_figures",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "ACCOUNT": {
        "navigation": [
            {"title": _("Second factor"), "link": reverse_lazy("admin:second_factor_enrol")}
        ]
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "contentserver.admin.navigation.navigation",
    },
}
