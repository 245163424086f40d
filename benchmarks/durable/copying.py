"""A ledger into an empty PostgreSQL, at full speed: `python -m benchmarks.durable.copying FOLDER
LEDGER`. Prints rows and seconds.
"""

import json
import sys
import time
from pathlib import Path

from benchmarks.audit.house import close_house, open_house
from benchmarks.servers.postgres import OwnPostgres
from skold.ledger.copier import Copier


def main() -> None:
    folder, ledger = Path(sys.argv[1]), Path(sys.argv[2])
    postgres = OwnPostgres(folder / "pg", {})
    try:
        open_house(folder / "home", postgres.url)
        close_house()
        copier = Copier(ledger, "bench", postgres.url)
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter()
        while copier.step():
            pass
        taken = time.perf_counter() - began
        print(json.dumps({"rows": copier.copied, "seconds": taken}), flush=True)
    finally:
        postgres.stop()


if __name__ == "__main__":
    main()
