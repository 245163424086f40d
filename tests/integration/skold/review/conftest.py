"""Records in PostgreSQL, and a review that knows where its ledger lies."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client as Browser

from contentserver import runtime
from contentserver.checkpoint_keys import open_checkpointer
from skold.control import review_parts
from skold.control.review_parts import ReviewParts
from skold.journal import Journal
from skold.ledger.sequencer import Sequencer
from skold.roles import AUDITOR, ROLES, grant_role
from skold.thresholds import Thresholds
from tests.support.audit_rows import AuditRows

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control


@pytest.fixture
def rows(db: None) -> AuditRows:
    """An empty audit."""
    return AuditRows()


@pytest.fixture
def review_of(tmp_path: Path) -> Iterator[ReviewParts]:
    """The parts of a node without journals; what was installed before comes back."""
    (tmp_path / "ledger").mkdir()
    before = review_parts._installed
    made = ReviewParts(
        node="node-1",
        ledger=tmp_path / "ledger",
        journals=[],
        anchors=[],
        thresholds=Thresholds(),
        address_of=lambda _collection, _key: None,
        files_about=lambda _subject, _limit: [],
        names_of=lambda _addresses: {},
    )
    review_parts.install(made)
    yield made
    review_parts._installed = before


class Reviewed:
    """A home with a journal, a signed ledger and PostgreSQL's copy; people who look into it."""

    def __init__(self, plane: "Control") -> None:
        self.plane, self.config = plane, plane.config
        self.rows = AuditRows(self.config.node)
        self.journal = Journal(self.config.journal_dirs, self.config.node)
        self.journal.start()
        reading = runtime.data_keyset(self.config)
        signing = runtime.bridge_keyset(self.config)
        self.sequencer = Sequencer(
            self.config.journal_dirs,
            self.config.ledger,
            self.config.node,
            checkpointer=open_checkpointer(self.config, reading, signing),
        )

    def access(self, private: Any = None, end: Any = None, **asked: Any) -> None:
        """One access, durable."""
        given = {"plane": "data", "method": "GET", "action": "read", "decision": "allow", **asked}
        request = self.journal.append("req", {"id": "r", "client": "portal", **given}, private)
        ended = {"status": 200, "outcome": "served", "bytes": 9, "microseconds": 900, **(end or {})}
        self.journal.append("done", ended, ref=request).wait(10)

    def settle(self) -> int:
        """Into the ledger, under a checkpoint, into PostgreSQL; returns the number of leaves."""
        while self.sequencer.step():
            pass
        return self.rows.load(self.config.ledger)

    def close(self) -> None:
        self.journal.close()
        self.sequencer.close()

    def browser(self, name: str, role: str | None = None) -> Browser:
        """Somebody of the staff with one role, signed in."""
        user = User.objects.create_user(name, is_staff=True)
        if role is not None:
            grant_role(apps, role, ROLES[role])  # a flush of the database may have taken it
            user.groups.add(Group.objects.get(name=role))
        browser = Browser()
        browser.force_login(user)
        return browser


@pytest.fixture
def reviewed(plane: "Control") -> Iterator[Reviewed]:
    made = Reviewed(plane)
    yield made
    made.close()


@pytest.fixture
def auditor(reviewed: Reviewed) -> Browser:
    return reviewed.browser("eva", AUDITOR)
