"""Files as Django projects have them."""

from django.core.files.storage import Storage, storages
from django.db import models


def versions() -> Storage:
    return storages["versions"]


def two_stages() -> Storage:
    return storages["two_stages"]


def two_stages_apart() -> Storage:
    return storages["two_stages_apart"]


def of_this_letter(letter: "Letter", _filename: str) -> str:
    return f"letters/{letter.number}/letter.pdf"


class Letter(models.Model):
    """`scan` is as any FileField; `letter` keeps one name, so that each change is a version."""

    number = models.CharField(max_length=20)
    scan = models.FileField(upload_to="scans/%Y", blank=True)
    photo = models.ImageField(
        upload_to="photos", blank=True, width_field="width", height_field="height"
    )
    width = models.IntegerField(null=True, blank=True, editable=False)
    height = models.IntegerField(null=True, blank=True, editable=False)
    letter = models.FileField(upload_to=of_this_letter, storage=versions, blank=True)


class Contract(models.Model):
    """Its files are committed with the transaction."""

    text = models.FileField(storage=two_stages, blank=True)
    appendix = models.FileField(storage=two_stages, blank=True)
    other = models.FileField(storage=two_stages_apart, blank=True, max_length=40)
