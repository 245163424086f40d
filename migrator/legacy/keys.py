"""From a legacy record to its key, and back. What leads there and not back is refused."""

from functools import lru_cache

from contentserver.protocol.keys import BadKey as UnfitKey
from contentserver.protocol.keys import check_key
from contentserver.protocol.patterns import KeyPattern
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import BadKey


def key_of(description: Description, record_id: RecordId) -> str:
    """The key of this record in the source's collection. Raises BadKey."""
    pattern = _pattern(description.key, description.records.key_columns)
    values = dict(zip(description.records.key_columns, record_id, strict=True))
    key = pattern.format(values)
    try:
        check_key(key)
    except UnfitKey as unfit:
        raise BadKey(f"{', '.join(record_id)!r}: {unfit}") from None
    if pattern.parse(key) != values:
        raise BadKey(f"{key!r} leads back to another record than {', '.join(record_id)!r}")
    return key


def record_of(description: Description, key: str) -> RecordId | None:
    """The only record that can have this key; None where the template gives no such key.

    Whether legacy has it, and writes its key like this, the reader says.
    """
    columns = description.records.key_columns
    values = _pattern(description.key, columns).parse(key)
    return None if values is None else tuple(values[column] for column in columns)


@lru_cache(maxsize=256)
def _pattern(template: str, columns: tuple[str, ...]) -> KeyPattern:
    return KeyPattern(template, columns)
