"""A process that writes a journal until it is killed, and tells on a pipe what was acknowledged.

Run as `python journal_writer.py <directory> <segment size>`; a line of standard output is the id of
a durable record. One write of less than PIPE_BUF bytes each, so that no line is ever torn.
"""

import asyncio
import os
import sys

from skold.journal import Journal

PRIVATE = {"key": "students/1.jpg", "end_user": "anna", "user_agent": "x" * 100}


async def user(journal: Journal, name: int) -> None:
    for i in range(1_000_000):
        identity = f"{os.getpid()}-{name}-{i}"
        asked = journal.append("req", {"id": identity, "client": "campus"}, PRIVATE)
        await journal.durable(asked)
        os.write(1, f"{identity}\n".encode())
        journal.append("done", {"status": 200, "id": identity}, ref=asked)


async def main(journal: Journal) -> None:
    await asyncio.gather(*[user(journal, name) for name in range(20)])


if __name__ == "__main__":
    own = Journal([sys.argv[1]], "node-1", segment_size=int(sys.argv[2]))
    own.start()
    asyncio.run(main(own))
