"""Who signs this node's checkpoints, under which name, and what verifies them. No Django here."""

from contentserver.conf import Config
from contentserver.store.keyset import Keyset
from skold.checkpoints import origin_of
from skold.ledger.checkpointer import HIGHEST, Checkpointer
from skold.notes import Signer, Verifier


def origin(config: Config) -> str:
    """The name of this node's log, and of the keys that sign its checkpoints."""
    return origin_of(config.institution, config.node)


def signers(config: Config, signing: Keyset) -> list[Signer]:
    """Who signs a checkpoint now, oldest key first: two while the keys rotate."""
    name = origin(config)
    return [Signer(name, key) for _id, key in signing.signing_keys("checkpoint")]


def verifiers(config: Config, reading: Keyset) -> list[Verifier]:
    """Every key that has ever signed checkpoints here, oldest first."""
    reading.refresh()
    name = origin(config)
    return [Verifier(name, key) for key in reading.verify_keys("checkpoint").values()]


def open_checkpointer(config: Config, reading: Keyset, signing: Keyset) -> Checkpointer:
    """Signs this node's checkpoints; only the bridge may."""
    return Checkpointer(
        config.ledger,
        config.published / HIGHEST,
        origin(config),
        signers=lambda: signers(config, signing),
        verifiers=lambda: verifiers(config, reading),
    )
