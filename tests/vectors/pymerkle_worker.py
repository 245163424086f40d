"""Runs under PyPI `pymerkle` in an environment of its own: what it makes of the same entries.

One JSON request on standard input, {"size", "indices", "olds"}; entry i is the decimal i. Answers
{"root", "old_roots": [hex], "inclusion": [[hex]]}; an inclusion proof of its own form holds the
leaf itself, too. Imports nothing of this repository.
"""

import json
import sys

from pymerkle import InmemoryTree


def main() -> None:
    asked = json.load(sys.stdin)
    tree = InmemoryTree(algorithm="sha256")
    for number in range(asked["size"]):
        tree.append_entry(b"%d" % number)
    inclusion = [tree.prove_inclusion(index + 1) for index in asked["indices"]]
    told = {
        "root": tree.get_root().hex(),
        "old_roots": [tree.get_root(old).hex() for old in asked["olds"]],
        "inclusion": [proof.serialize()["path"] for proof in inclusion],
    }
    json.dump(told, sys.stdout)


main()
