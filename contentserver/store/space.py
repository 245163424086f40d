"""Room on the roots."""

from contentserver.store import fileops
from contentserver.store.results import RootSpace
from contentserver.store.roots import Roots


def space_of(roots: Roots) -> list[RootSpace]:
    """Room on every configured root, those that are not there among them."""
    there = [
        RootSpace(root.name, str(root.path), True, *fileops.space(root.fd))  # noqa: FBT003
        for root in roots.iter_open()
    ]
    gone = [
        RootSpace(path.name, str(path), False, 0, 0, 0, 0)  # noqa: FBT003
        for path in roots.missing()
    ]
    return there + gone
