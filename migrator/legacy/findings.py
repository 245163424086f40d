"""One thing that was found about a source."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` stays for the same thing; `text` says what was found, `way_out` what to do."""

    level: Level
    name: str
    text: str
    way_out: str = ""
