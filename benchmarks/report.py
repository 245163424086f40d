"""The figures as a table in the terminal, and as Markdown for the README."""

from rich.console import Console
from rich.table import Table

from benchmarks.results import BARE, LEGACY, NGINX, READING, Goal, Row, Scenario

HEADINGS = (
    *(
        "server",
        "errors",
        "rate",
        "spread",
        "p50 ms",
        "p99 ms",
        "memory MB",
        "worker MB",
        "flushes/commit",
    ),
    *("to nginx", "to legacy", "to bare", "to reading"),
)


def print_all(
    console: Console, machine: dict[str, str], scenarios: list[Scenario], goals: list[Goal]
) -> None:
    """One table for each scenario, the errors by name, the goals, the machine."""
    for scenario in scenarios:
        table = Table(title=scenario.name, title_justify="left", min_width=100)
        for heading in HEADINGS:
            table.add_column(heading, justify="left" if heading == "server" else "right")
        for row in scenario.rows.values():
            table.add_row(*cells(scenario, row))
        console.print(table)
    for line in (*error_lines(scenarios), *goal_lines(goals)):
        console.print(line, markup=False, highlight=False)
    console.print("\n".join(f"{name}: {value}" for name, value in machine.items()), markup=False)


def markdown(machine: dict[str, str], scenarios: list[Scenario], goals: list[Goal]) -> str:
    """The same for people who read files."""
    lines: list[str] = []
    for scenario in scenarios:
        lines += [f"**{scenario.name}**", ""]
        lines += [_line(HEADINGS), _line(["---", *["--:"] * (len(HEADINGS) - 1)])]
        lines += [_line(cells(scenario, row)) for row in scenario.rows.values()] + [""]
    errors = list(error_lines(scenarios))
    lines += [*(f"- {line}" for line in errors), *([""] if errors else [])]
    lines += [*(f"- {line}" for line in goal_lines(goals)), ""]
    lines.append("; ".join(f"{name}: {value}" for name, value in machine.items()) + ".")
    return "\n".join(lines) + "\n"


def cells(scenario: Scenario, row: Row) -> list[str]:
    """One row's texts, in the order of HEADINGS."""
    if row.note:
        return [row.server, row.note, *[""] * (len(HEADINGS) - 2)]
    return [
        row.server,
        str(row.errors.total()),
        f"{_number(row.rate)} {scenario.unit}",
        "" if row.spread is None else f"{row.spread:.0%}",
        _number(row.median("p50")),
        _number(row.median("p99")),
        _megabytes(row.median("memory")),
        _megabytes(row.highest("peak")),
        _number(row.median("flushes")),
        *(_ratio(scenario.ratio(row.server, other)) for other in (NGINX, LEGACY, BARE, READING)),
    ]


def error_lines(scenarios: list[Scenario]) -> list[str]:
    """Every kind of error with its count."""
    return [
        f"{scenario.name}, {row.server}: {count} x {kind}"
        for scenario in scenarios
        for row in scenario.rows.values()
        for kind, count in row.errors.items()
    ]


def goal_lines(goals: list[Goal]) -> list[str]:
    """Reached, missed or not measured, with the figure."""
    words = {True: "reached", False: "MISSED", None: "not measured"}
    return [f"{words[goal.reached]}: {goal.text}: {_number(goal.found)}" for goal in goals]


def _line(texts: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(texts) + " |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _megabytes(value: float | None) -> str:
    return _number(None if value is None else value / 1e6)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
