"""What a machine can check of the documents: links lead somewhere, errors are those of the code."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from contentserver.api.problems import FeedRenewedProblem, LinkUnavailable
from contentserver.delivery.problems import TABLE
from contentserver.middleware import unavailable
from contentserver.protocol.problems import PROBLEM_TYPES, TYPE_BASE
from contentserver.store.keyset_file import ROOT_KEY_VARIABLES
from migrator.demo.source import TOML
from migrator.legacy.errors import LegacyError
from skold.api.audit_pages import SearchUnanswered
from skold.api.problems import SLUGS as CONTROL_SLUGS
from skold.api.tree import LedgerUnavailable

HOME = Path(__file__).resolve().parents[2]
PAGES = sorted({*HOME.glob("*.md"), *(HOME / "docs").rglob("*.md")})
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
PROBLEM_ROW = re.compile(r"^\| (\d{3}) \| `([a-z_]+)` \|", re.MULTILINE)

SETTING = re.compile(r"\b((?:CONTENTSERVER|SKOLD)_[A-Z_]+|DJANGO_SECRET_KEY|[A-Z]+_URL)\b")


def source(path: str) -> str:
    return (HOME / path).read_text(encoding="utf-8")


def name(page: Path) -> str:
    return str(page.relative_to(HOME))


def prose_of(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub and GitLab make of headings."""
    words = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(prose_of(page)))
    return {title.replace(" ", "-") for title in words}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_its_links_lead_somewhere(page):
    for target in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors_of(there), f"{target} has no such heading"


def test_every_document_can_be_found_from_the_readme():
    seen: set[Path] = set()
    open_pages = [HOME / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = (target.partition("#")[0] for target in LINK.findall(prose_of(page)))
        open_pages += [
            (page.parent / target).resolve()
            for target in targets
            if not re.match(r"[a-z]+:", target)
        ]
    assert {name(page) for page in PAGES} <= {name(page) for page in seen}


def test_the_problems_of_http_md_are_those_of_the_code():
    rows = PROBLEM_ROW.findall((HOME / "docs/http.md").read_text(encoding="utf-8"))
    documented = sorted((int(status), slug) for status, slug in rows)
    assert documented == sorted((row.status, row.slug) for row in PROBLEM_TYPES.values())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_modules_and_commands_it_names_exist(page):
    """A file, a module or a management command that a page names in backquotes must be there."""
    text = page.read_text(encoding="utf-8")
    for path in re.findall(
        r"`((?:contentserver|skold|migrator|tests|benchmarks|deploy|docs)/[\w./-]+)`", text
    ):
        assert (HOME / path).exists(), f"{path} is not there"
    for dotted in re.findall(r"`((?:contentserver|skold)(?:\.[a-z_]+)+)`", text):
        path = HOME / dotted.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), f"{dotted} is not there"
    commands = {file.stem for file in HOME.glob("*/management/commands/*.py")}
    commands |= {"migrate", "collectstatic"}  # Django's
    for command in re.findall(r"manage\.py ([a-z_]+)", text):
        assert command in commands, f"manage.py {command} is no command"


def test_the_server_can_answer_every_problem_it_documents():
    own = {FeedRenewedProblem.default_code, LinkUnavailable.default_code}
    own |= {LedgerUnavailable.default_code, SearchUnanswered.default_code}
    told = json.loads(unavailable().content)["type"].removeprefix(TYPE_BASE)
    control = {*CONTROL_SLUGS.values(), *own, told}
    assert {*TABLE.values(), *control, "internal_error"} == set(PROBLEM_TYPES)


def test_both_planes_give_a_problem_the_same_status():
    for status, slug in CONTROL_SLUGS.items():
        assert PROBLEM_TYPES[slug].status == status


def test_operations_md_lists_every_setting():
    listed = set(SETTING.findall((HOME / "docs/operations.md").read_text(encoding="utf-8")))
    assert listed == {
        *SETTING.findall(source("contentserver/conf.py")),
        *ROOT_KEY_VARIABLES.values(),
    }


def test_the_source_that_migration_md_describes_is_that_of_the_demo():
    (block,) = re.findall(
        r"^ *```toml\n(.*?)^ *```", source("docs/migration.md"), re.MULTILINE | re.DOTALL
    )
    assert tomllib.loads(block) == tomllib.loads(TOML)


def test_migration_md_names_errors_that_there_are():
    named = {error.name for error in all_errors(LegacyError)} | {"year_sealed", "implausible_time"}
    (table,) = re.findall(
        r"^## What to do when.*", source("docs/migration.md"), re.MULTILINE | re.DOTALL
    )
    words = re.findall(r"^\| (`[a-z_`, or ]+`)", table, re.MULTILINE)
    asked = {word for row in words for word in re.findall(r"`([a-z]+(?:_[a-z]+)*)`", row)}
    assert len(asked) > 5
    assert asked <= named, asked - named


def all_errors(base):
    return {base, *(each for child in base.__subclasses__() for each in all_errors(child))}
