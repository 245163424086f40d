"""`python -m contentserver.delivery`: the data plane alone, as production runs it behind nginx."""

import logging

from contentserver.conf import config
from contentserver.delivery.server import serve

if __name__ == "__main__":
    settings = config()
    logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s %(message)s")
    serve(
        "contentserver.delivery.asgi:application",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        proxies=settings.trusted_proxies,
    )
