"""The last words of a copy."""

from contentserver.client.cli.copying import Summary
from contentserver.client.cli.output import Output, clock, homely, human_size

STATES = ("copied", "planned", "unchanged", "skipped", "failed")


def summarise(
    output: Output, summary: Summary, seconds: float, manifest: str, dry_run: bool
) -> None:
    """One line for people, one object for programs."""
    counts = {state: summary.counts.get(state, 0) for state in STATES}  # type: ignore[call-overload]
    sizes = {state: summary.sizes.get(state, 0) for state in STATES}  # type: ignore[call-overload]
    facts = {"summary": {
        **counts, "bytes": sizes["copied"], "seconds": round(seconds, 3),
        "manifest": None if dry_run else manifest,
    }}  # fmt: skip
    said = [_said(state, counts[state], sizes[state]) for state in STATES if counts[state]]
    line = ", ".join(said) or "nothing to copy"
    output.answer(facts, line if dry_run else f"{line} in {clock(seconds)}")
    if not dry_run:
        output.remark(f"manifest {homely(manifest)}")


def _said(state: str, count: int, size: int) -> str:
    word = "to be copied" if state == "planned" else state
    weighed = state in {"copied", "planned"}
    return f"{count:,} {word} ({human_size(size)})" if weighed else f"{count:,} {word}"
