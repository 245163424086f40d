"""What Sköld's control plane needs of this process, made from the configuration."""

from collections.abc import Mapping

from contentserver import runtime
from contentserver.conf import Config
from contentserver.protocol.problems import PROBLEM_TYPES, TYPE_BASE
from skold.control import parts
from skold.gate import Gate
from skold.journal import Journal
from skold.policy import PolicyReader


def install(config: Config) -> None:
    """Say where gate, journal and keys come from; nothing is opened before the first access."""

    def gate() -> Gate:
        keyset = runtime.data_keyset(config)
        policy = runtime.policy_file(config, keyset)
        return runtime.open_gate(PolicyReader(policy.current), keyset)

    def journal() -> Journal:
        return runtime.open_journal(config)

    def url_keys() -> Mapping[int, bytes]:
        return runtime.data_keyset(config).url_keys

    def check_place(collection: str, prefix: str) -> None:
        from contentserver.catalog import places  # noqa: PLC0415 - models are not loaded before

        places.check_place(collection, prefix)

    parts.install(
        gate=gate,
        journal=journal,
        url_keys=url_keys,
        check_place=check_place,
        problem_base=TYPE_BASE,
        problem_titles={row.slug: row.title for row in PROBLEM_TYPES.values()},
    )
