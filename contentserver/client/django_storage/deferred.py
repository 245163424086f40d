"""Stage two when the transaction commits (`commit="on_commit"`).

What waits is a callable in Django's list of on_commit hooks, and nowhere else: that list is what
rolled back savepoints and transactions are taken out of. A hook that Django lets go of uncalled
takes its upload with it.
"""

import logging
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connections, transaction

from contentserver.client.django_storage.abandoned import abandon
from contentserver.client.errors import ClientError

logger = logging.getLogger("contentserver.client.django_storage")


class StillStaged(OSError):
    """The file is staged and cannot be read before its transaction has committed."""


class NotCommitted(Exception):
    """The database has committed, and files that belong to it could not be. They stay staged until
    `Upload-Expires`: `failed` are the waiting changes with what befell them.
    """

    def __init__(self, failed: list[tuple["Waiting", ClientError]]) -> None:
        self.failed = failed
        said = "; ".join(f"{waiting}: {error}" for waiting, error in failed)
        super().__init__(
            f"the transaction has committed, these files have not: {said}. "
            "Repeat it with Client.upload(url).commit() or `contentctl commit` before they expire"
        )


class Waiting:
    """One change of a file that waits for its transaction. `upload` is None for a deletion."""

    def __init__(
        self, place: object, name: str, act: Callable[[], object], upload: Any = None, size: int = 0
    ) -> None:
        self.place, self.name, self.size = place, name, size
        self.upload = upload
        self.together: Together = Together()
        self.done = False
        self._act = act
        self._forgotten = weakref.finalize(self, abandon, upload) if upload else None
        if self._forgotten:
            self._forgotten.atexit = False

    def __str__(self) -> str:
        return f"{self.name} ({self.upload.url if self.upload else 'its deletion'})"

    def __call__(self) -> None:
        """What Django calls after its COMMIT. Raises NotCommitted."""
        self.together.commit()
        self.together.complain()

    def keep(self) -> None:
        """From now on the upload is not given up, whatever happens: the database counts on it."""
        if self._forgotten:
            self._forgotten.detach()

    def act(self) -> None:
        """The change itself, once. Raises ClientError."""
        if not self.done:
            self._act()
            self.done = True


class Together:
    """The changes of one transaction. When the first hook is called, the transaction has committed,
    and the changes that are still alive are its own. All are tried then, before any hook can fail:
    Django calls none behind one that does, and a file that is never committed is lost.
    """

    def __init__(self) -> None:
        self._waiting: list[weakref.ref[Waiting]] = []
        self._failed: list[tuple[Waiting, ClientError]] = []

    def add(self, waiting: Waiting) -> None:
        waiting.together = self
        self._waiting.append(weakref.ref(waiting))

    def commit(self) -> None:
        """What cannot be committed is logged, and told by `complain`."""
        waiting = [alive for each in self._waiting if (alive := each()) is not None]
        self._waiting = []
        for each in waiting:
            each.keep()
        self._failed += [(each, error) for each in waiting if (error := _error_of(each))]

    def complain(self) -> None:
        """Raises NotCommitted, once, naming all that failed."""
        failed, self._failed = self._failed, []
        if failed:
            raise NotCommitted(failed)


class FilesFirst:
    """In the place of another's hook that was registered before ours."""

    def __init__(self, together: Together, hook: Callable[[], object]) -> None:
        self.together = together
        self._hook = hook

    def __call__(self) -> None:
        self.together.commit()
        self._hook()


def defers(using: str) -> bool:
    """Whether there is a transaction to wait for."""
    return connections[using].in_atomic_block


def wait(waiting: Waiting, using: str) -> None:
    """Let a change happen when the transaction of the database `using` commits."""
    hooks: Any = connections[using].run_on_commit
    known = [hook.together for _, hook, *_ in hooks if isinstance(hook, Waiting | FilesFirst)]
    together = known[0] if known else Together()
    together.add(waiting)
    for place, (savepoints, hook, *rest) in enumerate(hooks):
        if not isinstance(hook, Waiting | FilesFirst):
            hooks[place] = (savepoints, FilesFirst(together, hook), *rest)
    if waiting.upload is not None:
        # If this process dies between the two commits, this is where the upload can be found.
        logger.info("staged until the transaction commits: %s", waiting.upload.url)
    transaction.on_commit(waiting, using=using)


def find_waiting(place: object, name: str, using: str) -> Waiting | None:
    """What the transaction will have done to a file last, if anything."""
    found = [each for each in _all(using) if (each.place, each.name) == (place, name)]
    return found[-1] if found else None


def _all(using: str) -> Iterator[Waiting]:
    for hook in connections[using].run_on_commit:
        if isinstance(hook[1], Waiting) and not hook[1].done:
            yield hook[1]


def _error_of(waiting: Waiting) -> ClientError | None:
    try:
        waiting.act()
    except ClientError as error:
        where = waiting.upload.url if waiting.upload else "a deletion"
        logger.exception("the transaction has committed, its file has not: %s", where)
        return error
    return None
