"""The icon: linked by every page of the admin, and found where browsers ask by themselves."""

from django.test import Client
from django.urls import reverse


def test_browsers_are_sent_to_the_icon_and_get_it(db: None) -> None:
    answer = Client().get("/favicon.ico")
    assert answer.status_code == 302
    icon = Client().get(answer["Location"])
    assert (icon.status_code, icon["Content-Type"]) == (200, "image/svg+xml")


def test_the_admin_links_the_icon(browser: Client) -> None:
    page = browser.get(reverse("admin:index")).content.decode()
    assert 'rel="icon"' in page
    assert "contentserver/favicon.svg" in page
