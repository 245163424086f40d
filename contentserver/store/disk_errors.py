"""What the disk refuses, as the store's own error."""

from collections.abc import Iterator
from contextlib import contextmanager

from contentserver.store.errors import Unavailable


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise Unavailable for an OSError within; a full disk is NoSpace already."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the disk refused: {error.strerror or error}") from error
