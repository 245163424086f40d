"""What Sköld's control plane needs of this process, made from the configuration."""

from collections.abc import Iterable, Mapping, Sequence

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from contentserver.protocol.problems import PROBLEM_TYPES, TYPE_BASE
from contentserver.store.address import address_of, check_collection, check_key
from contentserver.store.errors import BadMetadata
from skold.control import parts, review_parts
from skold.control.review_parts import KnownFile, ReviewParts
from skold.gate import Gate
from skold.journal import Journal
from skold.notes import Verifier
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

    def addresses(collection: str | None, key: str) -> Sequence[str]:
        from contentserver.catalog import places  # noqa: PLC0415 - models are not loaded before

        names = [collection] if collection else places.collections()
        found = (_address(config, name, key) for name in names)
        return [address for address in found if address is not None]

    parts.install(
        gate=gate,
        journal=journal,
        url_keys=url_keys,
        check_place=check_place,
        addresses=addresses,
        problem_base=TYPE_BASE,
        problem_titles={row.slug: row.title for row in PROBLEM_TYPES.values()},
        limits=lambda: runtime.limits(config),
        guessing=lambda: runtime.guessing(config),
        published=lambda: runtime.policy_file(config, runtime.data_keyset(config)).current(),
    )
    review_parts.install(_review_parts(config))


def _review_parts(config: Config) -> ReviewParts:
    def files_about(subject: str, limit: int) -> Sequence[KnownFile]:
        from contentserver.catalog import about  # noqa: PLC0415 - models are not loaded before

        return about.files_about(subject, limit)

    def names_of(addresses: Iterable[str]) -> dict[str, KnownFile]:
        from contentserver.catalog import about  # noqa: PLC0415 - models are not loaded before

        return about.names_of(addresses)

    def verifiers() -> Sequence[Verifier]:
        return checkpoint_keys.verifiers(config, runtime.data_keyset(config))

    return ReviewParts(
        node=config.node,
        ledger=config.ledger,
        journals=config.journal_dirs,
        anchors=config.anchors,
        thresholds=config.review,
        address_of=lambda collection, key: _address(config, collection, key),
        files_about=files_about,
        names_of=names_of,
        verifiers=verifiers,
    )


def _address(config: Config, collection: str, key: str) -> str | None:
    try:
        names = check_collection(collection), check_key(key)
    except BadMetadata:
        return None
    return address_of(runtime.data_keyset(config).naming, *names).hex()
