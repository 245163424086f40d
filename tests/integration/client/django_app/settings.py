"""A small institution's system, whose files lie on the content server: nothing but STORAGES is
special.
"""

import os

SECRET_KEY = "of a test"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.integration.client.django_app.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["APP_DATABASE"]}
}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "tests.integration.client.django_app.letters",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
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
# Pillow belongs to one test, which says where it is missing.
SILENCED_SYSTEM_CHECKS = ["fields.E210"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_URL = "/static/"
# Above this an upload comes as a TemporaryUploadedFile.
FILE_UPLOAD_MAX_MEMORY_SIZE = 100_000

_STORAGE = "contentserver.client.django_storage.ContentServerStorage"
STORAGES = {
    "default": {"BACKEND": _STORAGE, "OPTIONS": {"collection": "photos", "prefix": "app"}},
    "versions": {
        "BACKEND": _STORAGE,
        "OPTIONS": {"collection": "photos", "prefix": "versions", "overwrite": True},
    },
    "two_stages": {
        "BACKEND": _STORAGE,
        "OPTIONS": {
            "collection": "photos",
            "prefix": "staged",
            "overwrite": True,
            "commit": "on_commit",
        },
    },
    "two_stages_apart": {
        "BACKEND": _STORAGE,
        "OPTIONS": {"collection": "photos", "prefix": "apart", "commit": "on_commit"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
