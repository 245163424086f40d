"""What may refuse a file before its commit, and the stream that it is shown."""

from collections.abc import Callable, Iterable, Iterator

from contentserver.store.metadata import Metadata
from contentserver.store.parts import StagedBody, iter_body

Check = Callable[[Metadata, Iterable[bytes]], None]
"""Called before the header is written, on a thread that may block, with the metadata as they will
be stored and the file's bytes. Each iteration reads anew from staging, and every byte was
authenticated by that read. It returns, or raises `errors.Refused`; `errors.CheckUnavailable` when
it cannot tell now. Whatever it raises, nothing is stored.
"""


class Plaintext(Iterable[bytes]):
    """The bytes of a staged body, from the start as often as asked for; in memory alone."""

    def __init__(self, body: StagedBody) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter_body(self._body)
