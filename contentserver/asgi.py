"""Both planes on one port: `make run` and `runserver`. Production runs them as processes of their
own.
"""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import is_valid_path

from contentserver.bodies import ShortBodies
from contentserver.database import limit_answers
from contentserver.planes import Planes, Scope

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contentserver.settings")

STATEMENT_LIMIT = 20.0

_control = get_asgi_application()
limit_answers(STATEMENT_LIMIT)

from contentserver.delivery.asgi import application as _data  # noqa: E402 - after Django has set up logging


def is_legacy(scope: Scope) -> bool:
    """Whether a request is at a declared legacy address and at none of the control plane's own."""
    return _data.is_legacy_address(scope) and not _is_ours(scope["path"])


def _is_ours(path: str) -> bool:
    # Without its slash at the end Django leads there too.
    known = is_valid_path(path) or is_valid_path(f"{path}/")
    return bool(known) or path.startswith(settings.STATIC_URL)


application = Planes(data=_data, control=ShortBodies(_control), is_legacy=is_legacy)
