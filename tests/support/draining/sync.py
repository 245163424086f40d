"""The sync's worker without a broker: the very task, again and again, as beat would have it.

python -m tests.support.draining.sync
"""

import time

import django


def main() -> None:
    django.setup()
    from django.db import Error, connections

    from migrator import tasks

    while True:
        try:
            tasks.sync_sources()
        except Error:
            connections.close_all()
        # A slice ends at once when the legacy database is away.
        time.sleep(0.2)


if __name__ == "__main__":
    main()
