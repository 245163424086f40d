"""What the policy carries of the sources."""

import pytest

from migrator import published
from migrator.models import CutOver, LegacyAddress, Source
from tests.support.legacy import LegacyTables

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(legacy_url: str) -> Source:
    with LegacyTables(legacy_url) as tables:
        return Source.objects.create(name="photos", description=tables.description.to_mapping())


def test_a_source_comes_with_its_description(source: Source) -> None:
    (found,) = published.sources()
    assert found == {
        "name": "photos",
        "mode": "legacy",
        "final": False,
        "collection": "photos",
        "key": "{id}.jpg",
        "shadow_share": 10,
        "collect": False,
        "description": source.description,
    }


def test_an_address_leads_to_the_collection_of_its_source(source: Source) -> None:
    LegacyAddress.objects.create(source=source, pattern="/photo?id={id}", key="{id}.jpg")
    assert published.addresses() == [
        {
            "pattern": "/photo?id={id}",
            "source": "photos",
            "collection": "photos",
            "key": "{id}.jpg",
            "client": None,
            "placeholder": None,
        }
    ]


def test_a_broken_row_holds_back_no_other(source: Source) -> None:
    broken = Source.objects.create(name="broken", description={"collection": "x"})
    LegacyAddress.objects.create(source=broken, pattern="/x?id={id}", key="{id}")
    assert [found["name"] for found in published.sources()] == ["photos"]
    assert published.addresses() == []


@pytest.mark.parametrize(
    ("mode", "final", "was_written", "collects"),
    [
        ("hybrid", False, False, False),
        ("writeback", False, False, True),
        ("disk", False, False, True),
        ("disk", True, True, False),
        ("hybrid", False, True, True),
        ("legacy", False, True, True),
    ],
)
def test_versions_are_kept_for_legacy_from_the_switch_of_the_writers_on(
    source: Source, mode: str, *, final: bool, was_written: bool, collects: bool
) -> None:
    Source.objects.update(mode=mode, final=final)
    if was_written:
        CutOver.objects.create(
            source=source, from_mode="hybrid", to_mode="writeback", asked_by="test"
        )
    assert published.collects({"sources": published.sources()}) is collects


def test_an_older_policy_without_sources_keeps_nothing() -> None:
    assert not published.collects({})
    assert not published.collects({"sources": [{"name": "photos", "mode": "hybrid"}]})
