"""No middleware, pooled connections: the design at its best."""

import os

SECRET_KEY = "measured on loopback, signs nothing"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "benchmarks.legacy.urls"
DATA_UPLOAD_MAX_MEMORY_SIZE = None
USE_TZ = True
_THREADS = int(os.environ.get("LEGACY_THREADS", "8"))
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("LEGACY_HOST", ""),
        "NAME": os.environ.get("LEGACY_NAME", ""),
        "USER": os.environ.get("LEGACY_USER", ""),
        "OPTIONS": {
            "pool": {"min_size": _THREADS, "max_size": _THREADS, "timeout": 60},
            "server_side_binding": True,
        },
    }
}
