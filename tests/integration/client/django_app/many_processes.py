"""What a prefork server does: load a project, use its storage, fork, use it in all children at once
(test_django_app.py runs it).
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from django.core.files.base import ContentFile
from django.core.files.storage import storages

CHILDREN, THREADS, ROUNDS = 3, 4, 15


def use(storage: Any, child: int) -> None:
    def one(number: int) -> None:
        name = f"{child}-{number % 5}.txt"
        with storage.open(name) as file:
            assert file.read() == f"file {name}".encode() * 1000, name

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, range(ROUNDS)))


def main() -> int:
    django.setup()
    storage: Any = storages["versions"]
    for child in range(CHILDREN):
        for number in range(5):
            name = f"{child}-{number}.txt"
            storage.save(name, ContentFile(f"file {name}".encode() * 1000))
    ours, children = storage.client, []
    for child in range(CHILDREN):
        pid = os.fork()
        if pid == 0:
            use(storage, child)
            assert storage.client is not ours
            os._exit(0)
        children.append(pid)
    use(storage, 0)
    assert storage.client is ours
    return sum(os.waitpid(pid, 0)[1] for pid in children)


if __name__ == "__main__":
    sys.exit(main() != 0)
