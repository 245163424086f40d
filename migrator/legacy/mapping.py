"""Descriptions as they lie in TOML, JSON and the policy: read strictly, written without None."""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar, get_args

from contentserver.protocol.keys import BadKey, check_collection
from contentserver.protocol.media_types import BadMediaType, parse_media_type
from contentserver.protocol.patterns import BadPattern, KeyPattern
from migrator.legacy.description import (
    Codec,
    Content,
    Description,
    DigestKind,
    Kind,
    Records,
    Scope,
)

_CHOICES = {
    "kind": get_args(Kind),
    "codec": get_args(Codec),
    "scope": get_args(Scope),
    "digest_kind": get_args(DigestKind),
}
_NUMBERS = {"first": (0, 1), "chunk_size": (1, 1 << 28), "max_size": (1, 1 << 42)}
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_MAX_IDENTIFIER = 63  # bytes, NAMEDATALEN - 1; longer ones PostgreSQL cuts
_MAX_KEY_COLUMNS = 8
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")

T = TypeVar("T", Records, Content, Description)


class DescriptionInvalid(ValueError):
    """`field` (`records.table`) cannot be what the description says; the text says what can."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


def description_from(given: Mapping[str, Any]) -> Description:
    """Read strictly: unknown fields, wrong types and contradictions raise DescriptionInvalid."""
    values = dict(given)
    records = _read(Records, _table(values, "records"), "records.")
    content = _read(Content, _table(values, "content"), "content.")
    description = _read(Description, values | {"records": records, "content": content}, "")
    _check_names(description)
    _check_records(description.records)
    _check_content(description)
    return description


def mapping_of(description: Description) -> dict[str, Any]:
    """Every field that is not None; nested as in TOML."""
    return _plain(asdict(description))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            plain[name] = _plain(value)
        elif value is not None:
            plain[name] = list(value) if isinstance(value, tuple) else value
    return plain


def _table(values: dict[str, Any], name: str) -> Mapping[str, Any]:
    found = values.pop(name, None)
    if not isinstance(found, Mapping):
        raise DescriptionInvalid(name, "a table with this name is needed")
    return found


def _read(kind: type[T], given: Mapping[str, Any], prefix: str) -> T:
    known = {field.name: field for field in fields(kind)}
    for name in given:
        if name not in known:
            raise DescriptionInvalid(f"{prefix}{name}", f"is unknown; known are {', '.join(known)}")
    values = {}
    for name, field in known.items():
        if name in given:
            values[name] = _value(prefix + name, name, given[name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DescriptionInvalid(f"{prefix}{name}", "is needed")
    return kind(**values)


def _value(field: str, name: str, value: Any) -> Any:
    if name in _CHOICES:
        return _choice(field, value, _CHOICES[name])
    if name in _NUMBERS:
        return _number(field, value, *_NUMBERS[name])
    read: Callable[[str, Any], Any] = _READERS.get(name, _text)
    return read(field, value)


def _itself(_: str, value: Any) -> Any:
    return value


def _choice(field: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise DescriptionInvalid(field, f"is one of {', '.join(choices)}")
    return str(value)


def _number(field: str, value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise DescriptionInvalid(field, f"is a whole number from {low} to {high}")
    return value


def _boolean(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise DescriptionInvalid(field, "is true or false")
    return value


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise DescriptionInvalid(field, "is text that is not empty")
    return value


def _columns(field: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise DescriptionInvalid(field, "is a list of names of columns")
    columns = tuple(_identifier(field, _text(field, name)) for name in value)
    if len(set(columns)) != len(columns) or len(columns) > _MAX_KEY_COLUMNS:
        raise DescriptionInvalid(field, f"names up to {_MAX_KEY_COLUMNS} columns, each once")
    return columns


def _constants(field: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise DescriptionInvalid(field, "is a table of column = text")
    return {
        _identifier(field, _text(field, name)): _constant(f"{field}.{name}", text)
        for name, text in value.items()
    }


def _constant(field: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise DescriptionInvalid(field, "is text, as PostgreSQL reads a value of the column")
    return value


def _identifier(field: str, name: str) -> str:
    if len(name.encode("utf-8", "replace")) > _MAX_IDENTIFIER:
        raise DescriptionInvalid(field, f"a name has at most {_MAX_IDENTIFIER} bytes")
    if "%" in name:
        raise DescriptionInvalid(field, "a name with % cannot be read; rename it")
    return name


def _check_names(description: Description) -> None:
    if _SOURCE.fullmatch(description.name) is None:
        raise DescriptionInvalid(
            "name", "is 1 to 32 of a-z, 0-9, _ and -, and begins with a letter or digit"
        )
    try:
        check_collection(description.collection)
    except BadKey as bad:
        raise DescriptionInvalid("collection", str(bad)) from None
    try:
        parse_media_type(description.media_type)
    except BadMediaType as bad:
        raise DescriptionInvalid("media_type", str(bad)) from None
    _check_template(description)


def _check_template(description: Description) -> None:
    columns = description.records.key_columns
    try:
        pattern = KeyPattern(description.key, columns)
    except BadPattern as bad:
        raise DescriptionInvalid("key", str(bad)) from None
    if absent := [column for column in columns if column not in pattern.names]:
        raise DescriptionInvalid("key", f"must contain {{{absent[0]}}}, or does not lead back")


def _check_records(records: Records) -> None:
    _check_table("records.table", records.table)
    if not records.key_columns:
        raise DescriptionInvalid("records.key_columns", "names at least one column")
    for column in records.key_columns:
        if _COLUMN.fullmatch(column) is None:
            raise DescriptionInvalid(
                "records.key_columns", f"{column!r} cannot stand in a template: a-z, 0-9 and _"
            )
    for name in (
        "changed_at",
        "filename",
        "media_type",
        "owner",
        "data_subject",
        "length",
        "digest",
    ):
        _identifier(f"records.{name}", getattr(records, name) or "")
    if (records.digest is None) != (records.digest_kind is None):
        raise DescriptionInvalid("records.digest_kind", "stands together with digest")
    try:
        zoneinfo.ZoneInfo(records.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise DescriptionInvalid("records.time_zone", "is a name such as Europe/Oslo") from None


def _check_content(description: Description) -> None:
    content, records = description.content, description.records
    _identifier("content.data", content.data)
    chunk_fields = {
        "table": content.table,
        "record_columns": content.record_columns,
        "order": content.order,
    }
    for name, value in chunk_fields.items():
        if content.kind == "chunks" and not value:
            raise DescriptionInvalid(f"content.{name}", "is needed for chunks")
        if content.kind != "chunks" and value:
            raise DescriptionInvalid(f"content.{name}", f"has no meaning for {content.kind}")
    if content.kind != "chunks":
        return
    _check_table("content.table", content.table or "")
    _identifier("content.order", content.order or "")
    if len(content.record_columns) != len(records.key_columns):
        raise DescriptionInvalid(
            "content.record_columns", "names one column for each of records.key_columns"
        )


def _check_table(field: str, table: str) -> None:
    parts = table.split(".")
    if not 1 <= len(parts) <= 2 or not all(parts):
        raise DescriptionInvalid(field, "is a table, or schema.table")
    for part in parts:
        _identifier(field, part)


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "records": _itself,
    "content": _itself,
    "key_columns": _columns,
    "record_columns": _columns,
    "insert": _constants,
    "empty_allowed": _boolean,
}
