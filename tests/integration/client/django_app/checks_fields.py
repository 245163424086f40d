"""FileField, ImageField, forms and the admin, run by Django's own test runner
(test_django_app.py starts it).
"""

import hashlib
import importlib.util
import io
import re
import tempfile
import unittest
from typing import Any

import httpx
import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import TestCase
from django.urls import reverse

from tests.integration.client.django_app.letters.models import Letter

WHAT_A_TEMPORARY_FILE_TAKES = 3_000_000


def versions_of(storage: Any, name: str) -> int:
    return len(storage.client.versions("photos", storage.key(name)))


class LetterForm(forms.ModelForm):
    class Meta:
        model = Letter
        fields = ["number", "scan"]


class FieldsTest(TestCase):
    def setUp(self) -> None:
        User.objects.create_superuser("root", password="root")
        self.client.login(username="root", password="root")

    def test_a_field_saves_and_reads(self) -> None:
        letter = Letter(number="1")
        letter.scan.save("ä scan.txt", ContentFile(b"scanned"))
        again = Letter.objects.get(pk=letter.pk)
        assert re.search(r"^scans/\d{4}/ä_scan(_\w{7})?\.txt$", again.scan.name)
        assert (again.scan.read(), again.scan.size) == (b"scanned", 7)
        assert httpx.get(again.scan.url).content == b"scanned"
        with pytest.raises(NotImplementedError):
            _ = again.scan.path

    def test_a_field_can_be_opened_closed_and_opened_again(self) -> None:
        letter = Letter.objects.create(number="1", scan=ContentFile(b"12345", name="r.txt"))
        letter = Letter.objects.get(pk=letter.pk)
        with letter.scan.open() as file:
            assert file.read(2) == b"12"
        with letter.scan.open("rb") as file:
            assert b"".join(file.chunks(2)) == b"12345"

    def test_rows_that_upload_the_same_name_have_files_of_their_own(self) -> None:
        letters = [
            Letter.objects.create(number=text, scan=ContentFile(text.encode(), name="same.txt"))
            for text in ("one", "two")
        ]
        found = [Letter.objects.get(pk=letter.pk).scan.read() for letter in letters]
        assert found == [b"one", b"two"]

    def test_a_changed_file_of_a_row_is_the_next_version_of_its_name(self) -> None:
        letter = Letter.objects.create(number="v1", letter=ContentFile(b"first", name="x.pdf"))
        before = versions_of(letter.letter.storage, letter.letter.name)
        letter.letter = SimpleUploadedFile("other.pdf", b"second")
        letter.save()
        letter = Letter.objects.get(pk=letter.pk)
        assert (letter.letter.name, letter.letter.read()) == ("letters/v1/letter.pdf", b"second")
        assert versions_of(letter.letter.storage, letter.letter.name) == before + 1

    def test_deleting_the_file_of_a_row_puts_a_marker(self) -> None:
        letter = Letter.objects.create(number="d", scan=ContentFile(b"gone", name="gone.txt"))
        storage, name = letter.scan.storage, letter.scan.name
        letter.scan.delete()
        assert Letter.objects.get(pk=letter.pk).scan.name == ""
        assert not storage.exists(name)
        assert versions_of(storage, name) == 2

    def test_names_are_cut_to_the_fields_length(self) -> None:
        letter = Letter(number="long")
        letter.scan.save("x" * 200 + ".txt", ContentFile(b"long"))
        letter.refresh_from_db()
        assert len(letter.scan.name) == 100
        assert letter.scan.read() == b"long"

    def test_a_model_form_saves_uploads_of_both_kinds(self) -> None:
        for size in (10, WHAT_A_TEMPORARY_FILE_TAKES):
            content = b"f" * size
            form = LetterForm({"number": "f"}, {"scan": SimpleUploadedFile("form.bin", content)})
            assert form.is_valid(), form.errors
            letter = Letter.objects.get(pk=form.save().pk)
            assert hashlib.sha256(letter.scan.read()).digest() == hashlib.sha256(content).digest()

    def test_the_admin_uploads_shows_changes_and_clears(self) -> None:
        add = reverse("admin:letters_letter_add")
        large = io.BytesIO(b"l" * WHAT_A_TEMPORARY_FILE_TAKES)
        large.name = "large.bin"
        answer = self.client.post(add, {"number": "admin", "scan": large})
        assert answer.status_code == 302, answer.content[-2000:]
        letter = Letter.objects.get(number="admin")
        assert letter.scan.size == WHAT_A_TEMPORARY_FILE_TAKES
        change = reverse("admin:letters_letter_change", args=[letter.pk])
        page = self.client.get(change).content.decode()
        assert f"/v1/content/photos/app/{letter.scan.name}?" in page
        self.client.post(change, {"number": "admin", "scan-clear": "on"})
        assert Letter.objects.get(pk=letter.pk).scan.name == ""

    @unittest.skipUnless(importlib.util.find_spec("PIL"), "Pillow is not installed")
    def test_an_image_field_knows_its_size(self) -> None:
        from PIL import Image

        file = io.BytesIO()
        Image.new("RGB", (30, 20)).save(file, "PNG")
        content = ContentFile(file.getvalue(), name="p.png")
        letter = Letter.objects.create(number="i", photo=content)
        letter = Letter.objects.get(pk=letter.pk)
        assert (letter.width, letter.height) == (30, 20)
        assert (letter.photo.width, letter.photo.height) == (30, 20)
        with letter.photo.storage.open("thumbnail.jpg", "wb") as thumbnail:
            Image.open(letter.photo.open()).resize((3, 2)).save(thumbnail, "JPEG")
        assert Image.open(letter.photo.storage.open("thumbnail.jpg")).size == (3, 2)

    def test_a_file_of_another_storage_can_be_copied_over(self) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"local")
            name = default_storage.save("copied/from disk", File(file))
        assert default_storage.open(name).read() == b"local"
        copy = storages["versions"].save("copied/again", default_storage.open(name))
        assert storages["versions"].open(copy).read() == b"local"

    def test_migrations_name_no_secret_and_do_not_change(self) -> None:
        out = io.StringIO()
        call_command("makemigrations", "letters", "--dry-run", "-v3", stdout=out)
        assert (
            "storage=tests.integration.client.django_app.letters.models.versions" in out.getvalue()
        )
        for secret in ("skd_", "API_KEY", "URL_KEY"):
            assert secret not in out.getvalue()
