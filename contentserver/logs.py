"""JSON log lines, the same from both planes, the bridge and the workers. Imports no Django.

The id of a request, task or command is on every line written while it runs, and no credential is on
any.
"""

from typing import Any

import structlog
import structlog.tracebacks
from structlog.typing import EventDict, Processor

from contentserver.correlation import name_what_is_under_way
from contentserver.log_secrets import hide_secrets

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    name_what_is_under_way,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Without the values of variables: keys and contents of files are among them.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def logging_config(level: str) -> dict[str, Any]:
    """A dictConfig that writes one JSON object a line to standard error. `level` is a name such as
    INFO.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _without_colours,
                    _TRACEBACKS,
                    hide_secrets,
                    structlog.processors.JSONRenderer(),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django attaches handlers of its own and mails errors; here every line takes the one
            # way out.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "uvicorn": {"handlers": [], "level": level, "propagate": True},
            # A signed URL's signature must reach no log; the audit is the record of accesses.
            "uvicorn.access": {"handlers": [], "level": "ERROR", "propagate": False},
            "httpx": {"level": "WARNING"},
            # At DEBUG these write headers and statements with their parameters.
            "httpcore": {"level": "WARNING"},
            "django.db.backends": {"handlers": [], "level": "INFO", "propagate": True},
            "smtplib": {"level": "WARNING"},
        },
    }


def _without_colours(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """uvicorn repeats its message with colours for a terminal."""
    event.pop("color_message", None)
    return event


def configure_structlog() -> None:
    """Send structlog's own loggers through logging, so that both kinds of line look the same."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
