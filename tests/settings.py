"""The product's settings in a home made for this test run alone.

Whatever the person at the terminal has in the environment means a real server, and is forgotten
first.
"""

import os
import secrets
import sys
import tempfile
from pathlib import Path

if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    # Of the hundreds of processes that a run starts, each would compile all our modules. What is
    # compiled lies where nobody who does not want it beside the sources meets it.
    compiled = Path(__file__).resolve().parent.parent / ".pytest_cache" / "compiled"
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(compiled))
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"]
    sys.dont_write_bytecode = False

TEST_HOME = os.environ.setdefault(
    "CONTENTSERVER_TEST_HOME", tempfile.mkdtemp(prefix="contentserver-test-", dir="/tmp")
)

for _name in list(os.environ):
    if _name.startswith(("CONTENTSERVER_", "SKOLD_", "DJANGO_SECRET")) and "TEST" not in _name:
        del os.environ[_name]
os.environ.pop("BROKER_URL", None)
os.environ["CONTENTSERVER_HOME"] = TEST_HOME
os.environ["CONTENTSERVER_DATABASE_POOL"] = "0"
os.environ["DATABASE_URL"] = f"postgresql://contentserver@/contentserver?host={TEST_HOME}/sock"
os.environ.setdefault("DJANGO_SECRET_KEY", secrets.token_urlsafe(48))

from contentserver.settings import *  # noqa: E402, F403 - after the environment is this run's

# The run's PostgreSQL is a copy of a migrated one; nothing is left for `migrate` to do.
DATABASES["default"]["TEST"] = {"TEMPLATE": DATABASES["default"]["NAME"]}  # noqa: F405

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = True
