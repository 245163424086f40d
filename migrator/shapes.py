"""What is known of a source's tables: looked up once, and again after anything went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from migrator.legacy.description import Description
from migrator.legacy.shape import Shape, load_shape


class Shapes:
    """Of one source; may be shared by threads, who at worst look twice."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._known: Shape | None = None

    @contextmanager
    def of(self, connection: psycopg.Connection[Any]) -> Iterator[Shape]:
        """Around what needs the shape. Raises SourceUnfit, psycopg.Error."""
        shape = self._known = self._known or load_shape(connection, self._description)
        try:
            yield shape
        except psycopg.Error:
            self._known = None  # the tables may have changed, or the server
            raise
