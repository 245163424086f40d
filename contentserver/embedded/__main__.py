"""`python -m contentserver.embedded`: the whole house on this machine, until Ctrl-C or SIGTERM."""

import os
import signal
import sys
from typing import Any

from contentserver.conf import config
from contentserver.embedded.announce import announce
from contentserver.embedded.errors import CannotRun
from contentserver.embedded.supervisor import Supervisor


def main() -> int:
    """Returns the exit status: 0 after an asked-for stop, 1 when something went wrong."""
    # The logs, and what Valkey and the worker write, are nobody else's to read.
    os.umask(0o077)
    supervisor = Supervisor(config())

    def stop(_number: int, _frame: Any) -> None:
        supervisor.request_stop()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    # Under nohup the end of the terminal is to be survived.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)
    try:
        supervisor.run(announce)
    except CannotRun as error:
        print(f"\ncannot run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
