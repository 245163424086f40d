"""Both planes on one port: `make run` and `runserver`. Production runs them as processes of their
own.
"""

import os

from django.core.asgi import get_asgi_application

from contentserver.database import limit_answers
from contentserver.planes import Planes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contentserver.settings")

STATEMENT_LIMIT = 20.0

_control = get_asgi_application()
limit_answers(STATEMENT_LIMIT)

from contentserver.delivery.asgi import application as _data  # noqa: E402 - after Django has set up logging

application = Planes(data=_data, control=_control)
