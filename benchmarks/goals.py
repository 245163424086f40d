"""The figures that must be reached, looked up among those measured."""

from benchmarks.results import BARE, CONTENT, LEGACY, NGINX, Goal, Scenario

WORKER_LIMIT = 200


def goals(scenarios: list[Scenario]) -> list[Goal]:
    """Each goal with what was found; a server that could not run leaves its goals unmeasured."""
    reads = [scenario for scenario in scenarios if scenario.name.startswith("Read")]
    most = reads[-1]
    up, down = scenarios[-2:]
    wrong = sum(scenario.row(CONTENT).errors.total() for scenario in scenarios)
    large = [side.row(CONTENT).highest("peak") or 0 for side in (up, down)]
    users = most.row(CONTENT).highest("peak")
    return [
        Goal("errors of this server in all runs", float(wrong), most=0),
        Goal(f"{most.name}: at least 0.35 of nginx", most.ratio(CONTENT, NGINX), least=0.35),
        Goal(f"{most.name}: at least 5 x legacy", most.ratio(CONTENT, LEGACY), least=5),
        Goal(f"{up.name}: at least half of a bare loop", up.ratio(CONTENT, BARE), least=0.5),
        Goal(f"{down.name}: at least half of a bare loop", down.ratio(CONTENT, BARE), least=0.5),
        Goal(f"largest worker in MB, {up.name} and down", max(large) / 1e6, most=WORKER_LIMIT),
        Goal(f"largest worker in MB, {most.name}", (users or 0) / 1e6, most=WORKER_LIMIT),
    ]
