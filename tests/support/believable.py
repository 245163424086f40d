"""A morning at a school as the audit sees it: for pictures, and for looking at pages."""

import random
import time
from collections.abc import Iterator

import httpx

SEED = 11
PUBLISHED = 2.0  # seconds
PUPILS = [
    *("alva.lind", "bo.ek", "carl.berg", "dana.haddad", "elin.sjo", "farid.amini", "greta.holm"),
    *("hugo.dahl", "iman.nur", "johan.falk", "klara.nord", "liam.strand", "maja.vik", "nils.ask"),
]
TEACHERS = ["anna.larsson", "erik.svensson", "fatima.ali", "lars.nyman"]
GRANTS = {
    "portal": ("School portal", "classes", ["read", "write", "list"]),
    "library": ("Library system", "classes", ["read"]),
    "personnel": ("Personnel", "documents", ["read", "write", "delete"]),
    "kiosk": ("Kiosk in the hall", "documents", ["list"]),
}


class School:
    """Systems of the school, each with its key."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        self.root = httpx.Client(base_url=url, headers=_bearer(api_key), timeout=30.0)
        self.systems: dict[str, httpx.Client] = {}
        self.keys: dict[str, str] = {}
        self.chance = random.Random(SEED)

    def open(self) -> None:
        """Collections, clients, keys and grants."""
        rules = {"classes": "field", "documents": "key"}
        for name, rule in rules.items():
            self._make("collections", {"name": name, "erasure": rule})
        for name, (words, collection, actions) in GRANTS.items():
            self._make("clients", {"id": name, "name": words})
            grant = {"client": name, "collection": collection, "actions": actions}
            self._make("grants", grant)
            key = self._make("keys", {"client": name})["secret"]
            self.keys[name] = key
            self.systems[name] = httpx.Client(base_url=self.url, headers=_bearer(key), timeout=30.0)
        # A key opens with the next policy. Asking whether it does already would be a refusal, and
        # refusals are what the morning's findings are made of.
        time.sleep(PUBLISHED)

    def close(self) -> None:
        for client in (self.root, *self.systems.values()):
            client.close()

    def store(self) -> None:
        """Photos of pupils, a second version of some, letters of the personnel office."""
        for number, pupil in enumerate(PUPILS):
            self._put("portal", f"classes/7b/{pupil}.jpg", TEACHERS[number % 4], pupil)
        for pupil in PUPILS[:3]:
            self._put("portal", f"classes/7b/{pupil}.jpg", "anna.larsson", pupil)
        for teacher in TEACHERS:
            self._put("personnel", f"documents/{teacher}/contract.pdf", "office.karin", None)
        person = {"On-Behalf-Of": "office.karin"}
        self.systems["personnel"].delete(
            "/v1/content/documents/lars.nyman/contract.pdf", headers=person
        )

    def read(self, times: int) -> None:
        """Lessons begin: mostly the portal, some pupils more than others."""
        for _ in range(times):
            system = self.chance.choice(["portal", "portal", "portal", "library"])
            pupil = PUPILS[min(int(self.chance.expovariate(0.35)), len(PUPILS) - 1)]
            who = self.chance.choice([*TEACHERS, self.chance.choice(PUPILS)])
            path = f"/v1/content/classes/7b/{pupil}.jpg"
            self.systems[system].get(path, headers={"On-Behalf-Of": who})

    def misbehave(self) -> None:
        """The kiosk asks for contracts; somebody tries keys; the odd typing error."""
        for number in range(14):
            path = f"/v1/content/documents/{TEACHERS[number % 4]}/contract.pdf"
            self.systems["kiosk"].get(path)
        for key in self._guesses():
            httpx.get(f"{self.url}/v1/content/classes/7b/bo.ek.jpg", headers=_bearer(key))
        self.systems["portal"].get("/v1/content/classes/7b/bo.ekk.jpg")

    def _guesses(self) -> Iterator[str]:
        good = self.keys["portal"]
        for number in range(16):
            yield good[:-1] + ("A" if good[-1] != "A" else "B") if number % 3 else f"skd_x{number}"

    def _make(self, what: str, fields: dict[str, object]) -> dict[str, str]:
        answer = self.root.post(f"/api/v1/{what}", json=fields)
        if answer.status_code >= 400:
            raise RuntimeError(f"{what} {fields}: {answer.status_code} {answer.text}")
        made: dict[str, str] = answer.json()
        return made

    def _put(self, system: str, path: str, person: str, subject: str | None) -> None:
        headers = {"On-Behalf-Of": person, "Content-Type": "image/jpeg"}
        if subject is not None:
            headers["Data-Subject"] = subject
        answer = self.systems[system].put(
            f"/v1/content/{path}", content=self.chance.randbytes(40_000), headers=headers
        )
        if answer.status_code >= 400:
            raise RuntimeError(f"PUT {path}: {answer.status_code} {answer.text}")


def fill(url: str, api_key: str, reads: int = 160) -> None:
    """Let a morning pass."""
    school = School(url, api_key)
    try:
        school.open()
        school.store()
        school.read(reads)
        school.misbehave()
    finally:
        school.close()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
