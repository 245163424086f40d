"""How long and how many at once: what keeps a slow legacy database from slowing anything else.

Seconds, and numbers for one source in one process.
"""

ANSWER = 3.0
"""A request waits no longer than this for a lookup or the beginning of a file."""

IMPORT = 5.0
"""A request waits no longer than this for an import; the import goes on without it."""

CONNECT = 2
STATEMENT = 2.5
SIGN_OF_LIFE = 0.5
RECORD_LOCK = 4.0
"""For whoever imports the same record elsewhere."""

LOOKUP_CONNECTIONS = 2
READS = 4
IMPORTS = 4
STREAMS = 2
"""Of the reads, those of long files: slow takers leave room for the others."""

QUEUE = 1_000
"""Requests that may wait for a read or an import; one more is refused at once."""

STALL = 30.0
"""A long file whose taker asks for nothing for so long is closed: it holds a snapshot there."""

WHOLE = 8 * 1024 * 1024
"""Bytes up to which a file is handed over in one piece."""

FAILURES = 3
PROBE_EACH = 1.0
