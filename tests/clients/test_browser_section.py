"""The section of docs/clients.md on the browser: its lines are run, those of the page by node."""

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contentserver.client import Client
from tests.clients.environments import quiet_environment, tus_js_client
from tests.clients.interrupting import digest_of, write_file
from tests.support.plane import COLLECTION, REPOSITORY, DataPlane
from tests.support.url_keys import add_url_key

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("clients")]
AROUND = """
import {{ createReadStream }} from 'node:fs'
import {{ createRequire }} from 'node:module'
const tus = createRequire(process.cwd() + '/package.json')('tus-js-client')
const file = createReadStream({path!r})
const address = {address!r}
const [onProgress, onSuccess, onError] = [() => {{}}, () => {{}}, (error) => {{ throw error }}]
{lines}
"""


def test_the_lines_for_the_browser_send_a_file_that_the_system_commits(
    data_plane: DataPlane, tmp_path: Path
) -> None:
    data_plane.policy["collections"]["recordings"] = copy.deepcopy(COLLECTION)
    secret = add_url_key(data_plane, "tester", "page")
    data_plane.obey()
    digest = write_file(tmp_path / "film", 2_000_000)
    before, after = _lines("python").split("# … the page says")
    with Client(data_plane.url, api_key=data_plane.api_key, url_key=("page", secret)) as client:
        names: dict[str, Any] = {"client": client, "key": "film", "name": "film.mp4"}
        names |= {"size": 2_000_000, "person": "anna"}
        exec(before, names)
        _send(tmp_path / "film", names["address"])
        exec("#" + after, names)
        assert names["stored"].sha256 == digest
    assert digest_of(data_plane.http, "recordings", "film") == digest


def _send(path: Path, address: str) -> None:
    node, folder = tus_js_client()
    script = AROUND.format(path=str(path), address=address, lines=_lines("js"))
    command = [node, "--input-type=module", "-"]
    done = subprocess.run(
        command,
        input=script,
        text=True,
        cwd=folder,
        env=quiet_environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _lines(language: str) -> str:
    """The one block of code of that language in the section."""
    text = (REPOSITORY / "docs" / "clients.md").read_text(encoding="utf-8")
    section = text.split("\n## Browser\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return block
