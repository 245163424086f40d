"""How the data plane is served: uvicorn with uvloop, our connections, and no access log.

uvicorn's access log prints query strings, and a signature is one; it stays off.
"""

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from contentserver.delivery.connection import Connection


def serve(
    application: str, *, host: str, port: int, workers: int = 1, proxies: str | None = None
) -> None:
    """Serve `module:attribute` until SIGTERM or SIGINT; requests under way are finished within 30
    seconds.

    SIGHUP replaces several workers one by one. `proxies` names the addresses whose X-Forwarded-For
    is believed
    (comma-separated), none by default.
    """
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        http=Connection,
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        workers=workers,
        backlog=4096,
        timeout_graceful_shutdown=30,
        proxy_headers=proxies is not None,
        forwarded_allow_ips=proxies,
    )
    if workers == 1:
        uvicorn.Server(config).run()
    else:
        Multiprocess(config, sockets=[config.bind_socket()]).run()
