"""The control plane alone, as WSGI: what production runs behind nginx."""

import os

from django.core.wsgi import get_wsgi_application

from contentserver.database import limit_answers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contentserver.settings")

STATEMENT_LIMIT = 20.0

application = get_wsgi_application()
limit_answers(STATEMENT_LIMIT)
