"""What an app above this one adds to the bridge: attachments of the policy, outboxes, loops.

Filled once per process by `AppConfig.ready()`, in the order of INSTALLED_APPS; the bridge reads it
when it starts. This app knows the names alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contentserver.conf import Config
from contentserver.operations.loops import Step
from contentserver.store.store import Store
from skold.journal import Journal

Attached = Mapping[str, Any]
"""The policy's member `attached`: what each attachment gave."""

Sign = Callable[[str, int, dict[str, Any]], bytes]
"""(kind, number, payload) -> signed document. Raises ValueError for a kind it does not sign."""


@dataclass(frozen=True, slots=True)
class BridgeContext:
    """What a loop of the bridge may use; it ends with the bridge."""

    config: Config
    store: Store
    journal: Journal
    sign: Sign


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """A loop to be made when the bridge starts. `make` touches no database."""

    name: str
    make: Callable[[BridgeContext], Step]
    interval: float


class Extensions:
    """The registry."""

    def __init__(self) -> None:
        self._attachments: dict[str, Callable[[], Any]] = {}
        self._consumers: dict[str, Callable[[Attached], bool]] = {}
        self._loops: dict[str, LoopPlan] = {}

    def add_attachment(self, name: str, read: Callable[[], Any]) -> None:
        """`read` gives JSON without floats; it is asked several times a second in the loop that
        publishes the policy, which goes out when the answer changes."""
        self._attachments[name] = read

    def add_consumer(self, box: str, is_on: Callable[[Attached], bool]) -> None:
        """An outbox that the bridge fills while `is_on` says so of what the policy carries.

        It is asked for each batch of entries, of the policy about to be published too, and so must
        not touch a database. Whatever it says, entries in the box stay until somebody takes them.
        """
        self._consumers[box] = is_on

    def add_loop(self, name: str, make: Callable[[BridgeContext], Step], interval: float) -> None:
        """`interval` in seconds, as of every loop of the bridge.

        Where the step has a method `facts`, what it gives is in the bridge's status; its entry
        "gauges", a list of [name, help, label names, [[label values, number]]], is published with
        the metrics of the data plane.
        """
        self._loops[name] = LoopPlan(name, make, interval)

    def read_attachments(self) -> dict[str, Any]:
        """Raises what a reader raises, django.db.Error mostly."""
        return {name: read() for name, read in self._attachments.items()}

    def boxes(self, *policies: Attached | None) -> tuple[str, ...]:
        """The outboxes that are on by what is attached to any of these policies. All of them where
        one is unknown, so that no entry is lost to a box that should have been on."""
        return tuple(
            box
            for box, is_on in self._consumers.items()
            if any(attached is None or is_on(attached) for attached in policies)
        )

    @property
    def known_boxes(self) -> tuple[str, ...]:
        """On or off: what is left in one that was switched off still waits."""
        return tuple(self._consumers)

    @property
    def loops(self) -> tuple[LoopPlan, ...]:
        return tuple(self._loops.values())


_extensions = Extensions()
add_attachment = _extensions.add_attachment
add_consumer = _extensions.add_consumer
add_loop = _extensions.add_loop


def registered() -> Extensions:
    """What the apps of this process have added."""
    return _extensions
