"""What the client answers with, for programs and for people: stable names, RFC 3339 in UTC."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from contentserver.client import FileEntry, FileInfo, VersionInfo


def plain(value: FileEntry | FileInfo | VersionInfo) -> dict[str, Any]:
    """Its fields, as JSON knows them."""
    return {name: _plain(fact) for name, fact in asdict(value).items()}


def info_facts(info: FileInfo) -> dict[str, Any]:
    """The same of a FileInfo; named here so that `head` and `get` never differ."""
    return plain(info)


def table(facts: Mapping[str, Any]) -> list[str]:
    """A line for each fact that there is; what is plainly not the case is left out."""
    known = {name: fact for name, fact in facts.items() if fact is not None and fact is not False}
    width = max(map(len, known), default=0)
    return [f"{name:<{width}}  {_word(fact)}" for name, fact in known.items()]


def _plain(fact: Any) -> Any:
    if isinstance(fact, datetime):
        return fact.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return fact


def _word(fact: Any) -> str:
    return "yes" if fact is True else str(fact)
