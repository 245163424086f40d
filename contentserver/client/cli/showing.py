"""The bar of a single file."""

from collections.abc import Iterator
from contextlib import contextmanager

from contentserver.client.cli.display import Told, display
from contentserver.client.cli.session import Session


@contextmanager
def transfer(session: Session, name: str, size: int | None) -> Iterator[Told]:
    """Yields what hears of the progress. `size` None: it is told with the first bytes, or never."""
    output = session.output
    hidden = output.as_json or output.quiet
    with display(name, output.errors, hidden=hidden, note=output.warn) as shown:
        shown.expect(1, size or 0)
        with shown.file(name, size) as told:
            yield told
