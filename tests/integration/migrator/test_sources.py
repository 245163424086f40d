"""Sources: described, taken in and given out as TOML, and no key belongs to two of them."""

import datetime as dt
import json

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from contentserver.catalog.services import create_collection
from migrator.legacy.description import Description
from migrator.models import Source
from migrator.services.exchange import export_source, import_source
from migrator.services.sources import change_source, create_source, remove_source

pytestmark = pytest.mark.django_db

PHOTOS = """
name = "photos"
collection = "pictures"
key = "{id}.jpg"
media_type = "image/jpeg"

[records]
table = "photo"
key_columns = ["id"]
changed_at = "changed"
time_zone = "Europe/Berlin"

[content]
kind = "chunks"
data = "data"
table = "photo_chunk"
record_columns = ["photo_id"]
order = "n"
codec = "zlib"

[sync]
enabled = true
connections = 2
max_rate = 20000000
quiet_from = 07:00:00
quiet_to = 19:00:00

[[applications]]
name = "portal"
reads = true
writes = true

[[addresses]]
pattern = "/photo?id={id}"
key = "{id}.jpg"
"""


@pytest.fixture(autouse=True)
def collection():
    return create_collection(actor="tester", name="pictures")


def described(**changes):
    return Description.from_mapping(
        {
            "name": "other",
            "collection": "pictures",
            "key": "{id}.jpg",
            "records": {"table": "photo", "key_columns": ["id"]},
            "content": {"kind": "bytea", "data": "data"},
            **changes,
        }
    )


def test_a_file_becomes_a_source_with_its_applications_and_addresses():
    source = import_source(actor="tester", text=PHOTOS)
    assert (source.mode, source.sync_enabled, source.connections) == ("legacy", True, 2)
    assert (source.quiet_from, source.quiet_to) == (dt.time(7), dt.time(19))
    assert source.description["content"]["codec"] == "zlib"
    assert source.applications.get().writes
    assert source.addresses.get().pattern == "/photo?id={id}"


def test_what_is_given_out_can_be_taken_in_again_and_says_the_same():
    source = import_source(actor="tester", text=PHOTOS)
    text = export_source(source)
    remove_source(actor="tester", source=source)
    assert export_source(import_source(actor="tester", text=text)) == text
    assert export_source(import_source(actor="tester", text=text)) == text


def test_taking_in_again_keeps_what_the_file_does_not_name_and_when_applications_switched():
    source = import_source(actor="tester", text=PHOTOS)
    source.applications.update(switched_by="ann")
    again = PHOTOS.replace("connections = 2", "")
    assert import_source(actor="tester", text=again).connections == 2
    assert source.applications.get().switched_by == "ann"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('name = "photos"', "name = ", "__all__"),
        ('kind = "chunks"', 'kind = "csv"', "description"),
        ('collection = "pictures"', 'collection = "unknown"', "description"),
        ("connections = 2", "connections = 0", "connections"),
        ("connections = 2", "threads = 2", "sync"),
        ("max_rate = 20000000", "max_rate = 0", "max_rate"),
        ("quiet_to = 19:00:00", "", "quiet_to"),
        ("enabled = true", 'capture = "xid"', "xid_column"),
        ('name = "portal"', 'nome = "portal"', "applications"),
        ('pattern = "/photo?id={id}"', 'pattern = "photo"', "pattern"),
        ('"/photo?id={id}"\nkey = "{id}.jpg"', '"/photo?id={id}"\nkey = "{id}.png"', "key"),
        ('name = "portal"', 'name = "a\\u0000b"', "applications"),
        ("/photo?id", "/photo\\u0000?id", "addresses"),
        ("/photo?id={id}", "/v1/content/{id}", "pattern"),
        ("/photo?id={id}", "/metrics?id={id}", "pattern"),
        ("/photo?id={id}", "/admin/{id}", "pattern"),
        ("/photo?id={id}", "/admin?id={id}", "pattern"),
        ("/photo?id={id}", "/api/v1/files/{id}", "pattern"),
        ("/photo?id={id}", "/static/{id}.css", "pattern"),
        ("[[addresses]]", '[[addresses]]\nplaceholder = "../none"', "placeholder"),
        ("[[addresses]]", "[[addresses]]\nplaceholder = {a = 1}", "addresses"),
    ],
)
def test_a_mistake_is_refused_by_the_name_of_its_field_and_changes_nothing(old, new, field):
    assert old in PHOTOS
    with pytest.raises(ValidationError) as refused:
        import_source(actor="tester", text=PHOTOS.replace(old, new))
    named = getattr(refused.value, "error_dict", {"__all__": None})
    assert field in named
    assert not Source.objects.exists()


def test_keys_do_not_move_away_from_the_addresses_that_lead_to_them():
    import_source(actor="tester", text=PHOTOS)
    moved = PHOTOS.partition("[[addresses]]")[0].replace('"{id}.jpg"', '"old/{id}.jpg"')
    with pytest.raises(ValidationError, match=r"It leads to keys like 1\.jpg"):
        import_source(actor="tester", text=moved)
    assert Source.objects.get().description["key"] == "{id}.jpg"


def test_what_is_too_deep_to_be_read_is_no_toml():
    with pytest.raises(ValidationError, match="no TOML"):
        import_source(actor="tester", text="a = " + "[" * 5_000)


def test_a_key_cannot_belong_to_two_sources():
    import_source(actor="tester", text=PHOTOS)
    with pytest.raises(ValidationError, match="photos"):
        create_source(actor="tester", description=described(key="{id}"))
    create_source(actor="tester", description=described(key="{id}.png"))


def test_the_description_changes_in_mode_legacy_alone():
    source = import_source(actor="tester", text=PHOTOS)
    Source.objects.update(mode="shadow")
    with pytest.raises(ValidationError, match="mode shadow"):
        change_source(actor="tester", source=source, description=described(name="photos"))
    assert change_source(actor="tester", source=source, settings={"max_rate": 5}).max_rate == 5


def test_keys_stay_as_they_are_once_files_were_imported():
    source = import_source(actor="tester", text=PHOTOS)
    Source.objects.update(files_imported=1)
    changed = {**source.description, "key": "{id}.jpeg"}
    with pytest.raises(ValidationError, match="keep their keys"):
        change_source(actor="tester", source=source, description=Description.from_mapping(changed))
    allowed = {**source.description, "max_size": 1000}
    change_source(actor="tester", source=source, description=Description.from_mapping(allowed))


def test_the_command_takes_in_lists_gives_out_and_removes(tmp_path, capsys):
    file = tmp_path / "photos.toml"
    file.write_text(PHOTOS)
    call_command("legacy_source", "import", str(file))
    capsys.readouterr()
    call_command("legacy_source", "list", "--json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["mode"], row["files_imported"]) == ("photos", "legacy", 0)
    call_command("legacy_source", "export", "photos")
    assert 'pattern = "/photo?id={id}"' in capsys.readouterr().out
    Source.objects.update(mode="hybrid")
    with pytest.raises(CommandError, match="mode hybrid"):
        call_command("legacy_source", "remove", "photos")
    Source.objects.update(mode="legacy")
    call_command("legacy_source", "remove", "photos")
    with pytest.raises(CommandError, match="none yet"):
        call_command("legacy_source", "export", "photos")
