"""The same bytes in the same groups by a bare loop: `python -m benchmarks.durable.replay FILE`.

Standard input says the bytes of each group as JSON; its next line starts the loop.
"""

import json
import os
import sys
import time


def main() -> None:
    """Writes and fdatasyncs each group into a preallocated file; prints the seconds."""
    groups: list[int] = json.loads(sys.stdin.readline())
    piece = os.urandom(max(groups, default=1))
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.posix_fallocate(fd, 0, sum(groups))
    os.fsync(fd)
    print("ready", flush=True)
    sys.stdin.readline()
    began, offset = time.perf_counter(), 0
    for size in groups:
        os.pwrite(fd, memoryview(piece)[:size], offset)
        os.fdatasync(fd)
        offset += size
    print(json.dumps(time.perf_counter() - began), flush=True)
    os.close(fd)
    os.unlink(sys.argv[1])


if __name__ == "__main__":
    main()
