"""The Celery application. Tasks are idempotent: the disk is the queue, beat only looks.

Nothing of the data plane imports this; start it with `celery -A contentserver.celery worker
--beat`.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contentserver.settings")

app = Celery("contentserver")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
