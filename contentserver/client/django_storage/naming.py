"""Which name a file is saved under."""

import os
import posixpath
from collections.abc import Callable
from typing import Final

from django.core.exceptions import SuspiciousFileOperation
from django.utils.text import get_valid_filename

from contentserver.client.django_storage import names
from contentserver.client.django_storage.base import Base

ATTEMPTS: Final = 100  # names that are tried before it is said that none is free


class Names(Base):
    """The part of ContentServerStorage that finds names."""

    def get_valid_name(self, name: str) -> str:
        """As Django's; accents that a Mac sends apart from their letters stay."""
        return str(get_valid_filename(names.composed(name)))

    def generate_filename(self, filename: str | os.PathLike[str]) -> str:
        """As Django's, in normalisation form C."""
        return super().generate_filename(names.composed(filename))

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Whether `save` would store under this very name."""
        return self._fits(name, max_length) and (self._options.overwrite or not self.exists(name))

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself if it may be written to, cut to `max_length`; else one beside it that is
        free. Raises SuspiciousFileOperation.

        Before a transaction's commit nothing takes a name, so that two of them could find the same
        one free: there each file gets a name of its own.
        """
        found = self._cut(name, max_length, lambda root, extension: root + extension)
        if self._options.overwrite or (not self._defers() and not self.exists(found)):
            return found
        return self._name_beside(name, max_length)

    def _name_beside(self, name: str, max_length: int | None = None) -> str:
        for _ in range(ATTEMPTS):
            found = self._cut(name, max_length, self.get_alternative_name)
            if not self.exists(found):
                return found
        raise SuspiciousFileOperation(f"no name like {name!r} is free; is its person erased?")

    def _cut(self, name: str, max_length: int | None, make: Callable[[str, str], str]) -> str:
        """What `make` makes of as much of the name's root as fits, and of its extension."""
        directory, root, extension = names.split(names.clean(name))
        return names.shortened(
            root,
            lambda shorter: posixpath.join(directory, make(shorter, extension)),
            lambda found: self._fits(found, max_length),
        )

    def _fits(self, name: str, max_length: int | None) -> bool:
        if max_length is not None and len(name) > max_length:
            return False
        return len((self._options.folder + name).encode()) <= names.MAX_KEY_BYTES
