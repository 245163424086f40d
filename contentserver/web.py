"""`python -m contentserver.web`: both planes on one port; `--data` the data plane alone. Imports no
Django itself.
"""

import argparse
import logging.config
import resource

from contentserver.conf import config
from contentserver.delivery.server import serve
from contentserver.logs import configure_structlog, logging_config

BOTH = "contentserver.asgi:application"
DATA = "contentserver.delivery.asgi:application"


def main() -> None:
    """Serve until SIGTERM or SIGINT, at the address, port and number of processes that the
    configuration names.
    """
    parser = argparse.ArgumentParser(prog="python -m contentserver.web", description=__doc__)
    parser.add_argument("--data", action="store_true", help="the data plane alone")
    chosen = parser.parse_args()
    settings = config()
    logging.config.dictConfig(logging_config(settings.log_level))
    configure_structlog()
    raise_open_files()
    serve(
        DATA if chosen.data else BOTH,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        proxies=",".join(settings.trusted_proxies) or None,
    )


def raise_open_files() -> None:
    """Use all the descriptors the system grants: the usual soft limit of 1024 is fewer than our
    connections.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
