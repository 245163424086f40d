"""The Celery application. Tasks are idempotent: the disk is the queue, beat only looks.

Nothing of the data plane imports this; start it with `celery -A contentserver.celery worker
--beat`.
"""

import os
from typing import Any

import structlog
from celery import Celery, signals

from contentserver.correlation import request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contentserver.settings")

app = Celery("contentserver")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.before_task_publish.connect  # type: ignore[untyped-decorator]  # celery has no types
def _hand_on(headers: dict[str, Any], **_: Any) -> None:
    """The id of the request that asks for a task travels with it."""
    found = request_id()
    if found is not None:
        headers["request_id"] = found


@signals.task_prerun.connect  # type: ignore[untyped-decorator]  # celery has no types
def _bind(task_id: str, task: Any, **_: Any) -> None:
    """Every line of a task has that id; one that beat has sent has its own."""
    given = getattr(task.request, "request_id", None)
    bind = structlog.contextvars.bind_contextvars
    bind(request_id=given or task_id, task=task.name)


@signals.task_postrun.connect  # type: ignore[untyped-decorator]  # celery has no types
def _unbind(**_: Any) -> None:
    structlog.contextvars.unbind_contextvars("request_id", "task")
