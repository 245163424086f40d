"""The catalog's pages: complete, never counting, never changing what the disk says."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contentserver.catalog.models import Collection, File, LayoutRequest, StorageRoot, Year
from tests.support.catalog import Library
from tests.support.records import records

pytestmark = pytest.mark.django_db
LISTS = ["collection", "file", "storedversion", "year", "storageroot", "layoutrequest"]


@pytest.fixture
def filled(library: Library) -> Library:
    Collection.objects.create(name="photos", media_types=["image/*"])
    Collection.objects.create(name="documents")
    for number in range(60):
        library.put(f"2026/{number:02}.jpg", b"x" * number, custom={"class": "1B"})
    library.put("2026/00.jpg", b"newer")
    library.delete("2026/01.jpg")
    library.put("letter", collection="documents", media_type="text/plain")
    library.carry()
    Year.objects.create(year=2026, root="root-1", state="open", layout_number=1)
    StorageRoot.objects.create(
        node=library.node, name="root-1", path="/r", total_bytes=10, free_bytes=1,
        seen_at=timezone.now(),
    )  # fmt: skip
    return library


def page(browser: Client, url: str, **query: Any) -> str:
    answer = browser.get(url, query)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def list_of(name: str) -> str:
    return reverse(f"admin:contentserver_{name}_changelist")


def page_of(file: File) -> str:
    return reverse("admin:contentserver_file_change", args=[file.pk])


@pytest.mark.parametrize("name", LISTS)
def test_every_list_renders_without_counting_files_or_versions(
    browser: Client, filled: Library, name: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        page(browser, list_of(name))
    counting = [query["sql"] for query in queries if "COUNT(" in query["sql"].upper()]
    assert not [sql for sql in counting if re.search(r"contentserver_(file|storedversion)", sql)]


def test_pages_of_files_follow_each_other_to_the_end(browser: Client, filled: Library) -> None:
    with CaptureQueriesContext(connection) as queries:
        first = page(browser, list_of("file"))
        (after,) = re.findall(r"after=([A-Za-z0-9_-]+)", first)
        second = page(browser, list_of("file"), after=after)
    keys = [re.findall(r"2026/\d\d\.jpg", text) for text in (first, second)]
    assert len(set(keys[0]) | set(keys[1])) == 60
    assert not set(keys[0]) & set(keys[1])
    assert "No more" in second
    assert not [query for query in queries if " OFFSET " in query["sql"]]


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ({"q": "2026/1"}, "2026/15.jpg", "2026/05.jpg"),
        ({"collection": "documents"}, "letter", "2026/"),
        ({"state": "deleted"}, "2026/01.jpg", "2026/02.jpg"),
        ({"media_type": "text/*"}, "letter", "2026/"),
        ({"year": "1999"}, "Files", "2026/05.jpg"),
        ({"committed_at_from": "2020-01-01", "q": "le"}, "letter", "2026/05.jpg"),
        ({"committed_at_to": "2020-01-01"}, "Files", "2026/05.jpg"),
    ],
)
def test_files_are_found_by_prefix_and_filters(
    browser: Client, filled: Library, query: dict[str, str], shown: str, hidden: str
) -> None:
    text = page(browser, list_of("file"), **query)
    table = text.partition("<table")[2] or text
    assert shown in text
    assert hidden not in table


def test_a_file_is_found_by_its_address(browser: Client, filled: Library) -> None:
    address = filled.store.address("documents", "letter").hex()
    assert "letter" in page(browser, list_of("file"), q=address)


def test_a_file_shows_its_facts_versions_and_the_way_to_its_audit(
    browser: Client, filled: Library
) -> None:
    file = File.objects.get(key="2026/00.jpg")
    text = page(browser, page_of(file))
    assert file.address in text
    assert f"/admin/skold/auditrecord/?q={file.address}" in text
    assert {f"{file.year}.1", f"{file.year}.2"} <= set(re.findall(r"20\d\d\.\d", text))
    assert bytes(file.sha256).hex() in text


def test_what_the_disk_says_cannot_be_changed_added_or_deleted(
    browser: Client, filled: Library
) -> None:
    file = File.objects.get(key="letter")
    version = file.versions.get()
    for name, row in (("file", file), ("storedversion", version), ("year", Year.objects.get())):
        change = reverse(f"admin:contentserver_{name}_change", args=[row.pk])
        delete = reverse(f"admin:contentserver_{name}_delete", args=[row.pk])
        assert browser.post(change, {"key": "forged", "size": 1}).status_code == 403
        assert browser.post(delete, {"post": "yes"}).status_code == 403
        add = reverse(f"admin:contentserver_{name}_add")
        assert browser.get(add).status_code == 403
    file.refresh_from_db()
    assert file.key == "letter"


def test_rules_of_a_collection_are_edited_and_checked(browser: Client, filled: Library) -> None:
    url = reverse("admin:contentserver_collection_change", args=["photos"])
    form = {
        "description": "Portraits", "max_size": "500", "media_types": "image/jpeg, image/png",
        "inline_types": "", "cache_control": "", "url_lifetime": "60", "erasure": "key",
        "on_behalf_of": "required",
    }  # fmt: skip
    assert browser.post(url, form).status_code == 302
    photos = Collection.objects.get(pk="photos")
    assert (photos.max_size, photos.media_types) == (500, ["image/jpeg", "image/png"])

    wrong = browser.post(url, {**form, "media_types": "image"})
    assert wrong.status_code == 200
    assert "no media type" in wrong.content.decode()
    photos.refresh_from_db()
    assert photos.media_types == ["image/jpeg", "image/png"]


def test_a_collection_with_files_cannot_be_deleted_and_an_empty_one_can(
    browser: Client, filled: Library
) -> None:
    Collection.objects.create(name="empty")

    def delete(name: str) -> int:
        url = reverse("admin:contentserver_collection_delete", args=[name])
        return int(browser.post(url, {"post": "yes"}).status_code)

    assert delete("photos") == 403
    assert delete("empty") == 302
    assert sorted(Collection.objects.values_list("name", flat=True)) == ["documents", "photos"]


def test_opening_a_year_leaves_a_request_in_the_persons_name(
    browser: Client, filled: Library
) -> None:
    url = reverse("admin:contentserver_layoutrequest_add")
    next_year = timezone.localdate().year + 1
    wanted = {"kind": "open_year", "year": next_year, "root": "root-1"}
    page(browser, url)
    assert browser.post(url, wanted).status_code == 302
    assert browser.post(url, {**wanted, "root": "nowhere"}).status_code == 200
    assert browser.post(url, {**wanted, "year": next_year - 2}).status_code == 200
    request = LayoutRequest.objects.get()
    assert (request.kind, request.year, request.root, request.requested_by) == (
        "open_year",
        next_year,
        "root-1",
        "admin:admin",
    )
    assert "not answered yet" in page(browser, list_of("layoutrequest"))


def test_an_earlier_year_is_opened_for_imports_from_the_list_of_years(
    browser: Client, filled: Library
) -> None:
    answer = browser.get(reverse("admin:contentserver_year_import_year"), follow=True)
    url, this_year = answer.redirect_chain[-1][0], timezone.localdate().year
    assert f'value="{this_year - 1}"' in answer.content.decode()
    wanted = {"kind": "import_year", "year": this_year, "root": "root-1"}
    assert "Only an earlier year" in browser.post(url, wanted).content.decode()
    assert browser.post(url, {**wanted, "year": 2019}).status_code == 302
    request = LayoutRequest.objects.get()
    assert (request.kind, request.year) == ("import_year", 2019)


def test_downloading_needs_a_permission_of_its_own(filled: Library, staff: User) -> None:
    file = File.objects.get(key="letter")
    client = Client()
    client.force_login(staff)
    url = reverse("admin:contentserver_file_download", args=[file.pk])
    staff.user_permissions.add(Permission.objects.get(codename="view_file"))
    assert client.get(page_of(file)).status_code == 200
    assert client.get(url).status_code == 403
    assert "admin" not in [each.get("client") for each in records(filled.home)]


def test_every_page_is_recorded_before_it_leaves(browser: Client, filled: Library) -> None:
    file = File.objects.get(key="letter")
    page(browser, page_of(file))
    asked = [each for each in records(filled.home) if each["kind"] == "req"]
    assert asked[-1]["resource"].startswith("contentserver_file_change:")
    assert asked[-1]["private"]["end_user"] == "admin"


def test_nobody_sees_a_page_without_signing_in(filled: Library) -> None:
    for name in LISTS:
        answer = Client().get(list_of(name))
        assert answer.status_code == 302
        assert "/login/" in answer["Location"]


def test_a_file_name_is_shown_without_what_hides_its_ending(
    browser: Client, library: Library
) -> None:
    library.put("a", filename="invoice\u202egpj.exe")
    library.carry()
    version = File.objects.get().versions.get()
    for url in (
        page_of(File.objects.get()),
        reverse("admin:contentserver_storedversion_change", args=[version.pk]),
    ):
        text = page(browser, url)
        assert "invoicegpj.exe" in text
        assert "\u202e" not in text
