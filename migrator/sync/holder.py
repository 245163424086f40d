"""Whoever holds a sync back, as it stands in `Source.held_back_by`."""

from dataclasses import asdict
from typing import Any

import psycopg

from migrator.legacy.horizon import horizon


def first_holder(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """The oldest transaction that has written and may still commit; {} if there is none."""
    holders = horizon(connection).holders
    if not holders:
        return {}
    facts = {name: value for name, value in asdict(holders[0]).items() if value not in (None, "")}
    return facts | ({"age": int(facts["age"])} if "age" in facts else {})
