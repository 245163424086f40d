"""How much is measured. Sizes are bytes, times seconds."""

from dataclasses import dataclass

from benchmarks.corpus import GIB, KIB, MIB


@dataclass(frozen=True, slots=True)
class Plan:
    """`rounds`: how often every measurement is repeated, the servers taking turns."""

    files: int = 10_000
    file_size: int = 64 * KIB
    rounds: int = 3
    read_seconds: float = 8
    read_connections: tuple[int, ...] = (64, 1000)
    upload_seconds: float = 5
    upload_connections: tuple[int, ...] = (1, 64)
    large_size: int = 64 * MIB
    large_count: int = 8
    large_connections: int = 4
    bulk_size: int = GIB
    legacy_threads: tuple[int, ...] = (2, 4, 8, 16, 32, 64)
    calibration_seconds: float = 3
    migrated_small: int = 8_000
    migrated_large: int = 600
    paced_seconds: float = 10
    audit_seconds: float = 6
    limit: float = 300
    """No single measurement of one server may take longer."""


FULL = Plan()
QUICK = Plan(
    files=1_000,
    rounds=1,
    read_seconds=4,
    upload_seconds=3,
    large_count=4,
    bulk_size=256 * MIB,
    legacy_threads=(4, 8),
    calibration_seconds=2,
    migrated_small=3_000,
    migrated_large=200,
    paced_seconds=6,
    audit_seconds=3,
    limit=120,
)
