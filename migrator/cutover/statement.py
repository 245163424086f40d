"""What a certificate states: JSON of texts, whole numbers and truth values alone.

```
format "contentserver-cutover-1", number, source, collection, from, to, final, asked_by, time, node,
institution, gates [{gate, text, passed, found, wanted}],
counts {declared, imported, bytes_imported},
verification {number, started, finished, compared, compared_bytes, equal, differences, digest}
or null, horizon "transaction number" or null
```
Times are RFC 3339 in UTC. `digest` is described in `migrator.verify.chain`.
"""

from datetime import UTC, datetime
from typing import Any

from contentserver.conf import Config
from migrator.cutover.facts import Facts, Verified
from migrator.models import CutOver

FORMAT = "contentserver-cutover-1"


def statement_of(cutover: CutOver, facts: Facts, config: Config) -> dict[str, Any]:
    """The statement of a cut-over that is being written down."""
    source = cutover.source
    return {
        "format": FORMAT,
        "number": cutover.pk,
        "source": source.name,
        "collection": source.description["collection"],
        "from": cutover.from_mode,
        "to": cutover.to_mode,
        "final": source.final,
        "asked_by": cutover.asked_by,
        "time": time_of(cutover.asked_at),
        "node": config.node,
        "institution": config.institution,
        "gates": cutover.gates,
        "counts": {
            "declared": source.records_estimated,
            "imported": source.files_imported,
            "bytes_imported": source.bytes_imported,
        },
        "verification": facts.verified and _verification(facts.verified),
        "horizon": None if facts.horizon is None else str(facts.horizon),
    }


def time_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _verification(verified: Verified) -> dict[str, Any]:
    return {
        "number": verified.number,
        "started": time_of(verified.started_at),
        "finished": time_of(verified.finished_at),
        "compared": verified.compared,
        "compared_bytes": verified.compared_bytes,
        "equal": verified.equal,
        "differences": verified.differences,
        "digest": verified.digest,
    }
