"""The package, and what is written with it, as mypy sees them: strictly, on Python 3.10."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import temporal_lens as tl

PYTHON = Path(__file__).resolve().parents[2]
#: Every name of the package, as a notebook uses it.
USED = '''
from pathlib import Path
from typing import List

import numpy as np

import temporal_lens as tl


def shown(path: Path) -> tl.Shown:
    x = np.zeros((3, 4), np.float32)
    made = tl.from_tensors(tokens=("<bos>", "a", "b"), residual=x, pred_codes=x, novel_codes=x, recons=x.tolist(), token_ids=[2, 5, 7], means={"novel": x[0]})
    read = tl.from_saelens(object(), x, ["<bos>", "a", "b"], model="gemma", layer=12)
    analyzed: tl.Analysis = tl.analyze("a text", pack=path, program="temporal-lens", device="cpu")
    tl.save(made, path)
    analyzed.save(str(path))
    tl.save_html(read, path / "story.html", view="view=path", features=path / "index.json")
    page: str = tl.one_file(made, "view=path", {"format": "temporal-lens-dashboards/1"})
    tl.show(page, page="http://localhost/")
    tl.show(made.document, view="view=path", height=700)
    return tl.show(tl.load("result.json"), features=str(path))


def read(analysis: tl.Analysis) -> None:
    row: tl.TokenWords = analysis.words[1]
    words: List[str] = row["predictable"] + row["novel"] + [row["token"]]
    reveal_type(analysis.tokens + words)
    reveal_type(analysis.text)
    reveal_type(len(analysis))
    reveal_type(analysis.events)
    reveal_type(analysis.similarity("novel", mode="neuronpedia"))
    analysis.to_pandas()
'''
REVEALED = [
    r"(builtins\.)?list\[(builtins\.)?str\]",
    r"(builtins\.)?str",
    r"(builtins\.)?int",
    r"(builtins\.)?list\[(builtins\.)?dict\[(builtins\.)?str, Any\]\]",
    r"numpy\.ndarray\[.*numpy\.floating\[numpy\.\S*32\S*\]\]\]",
]
#: Each of them is wrong.
MISUSED = [
    "tl.show(3)",
    'tl.show("a text", "view=path")',
    "tl.load(3)",
    'tl.save("result.json", tl.load("result.json"))',
    'tl.load("result.json").similarity("novle")',
    'tl.load("result.json").similarity("novel", "heat")',
    'tl.load("result.json").words[0]["sources"]',
    'tl.analyze("a text")',
    'tl.from_tensors(tokens=["a"])',
    "tl.sohw",
]
#: What Python 3.10 does not have.
NEWER = [
    "import tomllib",
    "from typing import Self",
    "from datetime import UTC",
    "from itertools import batched",
    "type Name = str",
    "def first[T](values: list[T]) -> T: return values[0]",
    "try: pass\nexcept* ValueError: pass",
]


def mypy(*args):
    """What it prints, line by line, but for its summary."""
    command = [sys.executable, "-m", "mypy", "--config-file", str(PYTHON / "pyproject.toml"), "--no-error-summary", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return f"--cache-dir={tmp_path_factory.mktemp('mypy')}"


def test_the_package_is_typed_and_needs_no_newer_python(cache):
    assert mypy(cache, PYTHON / "temporal_lens") == []


def test_every_public_name_is_typed_for_those_who_use_it(cache, tmp_path):
    assert [name for name in tl.__all__ if f"tl.{name}" not in USED] == []
    (tmp_path / "used.py").write_text(USED)
    said = mypy(cache, tmp_path / "used.py")
    assert [line for line in said if ": note: Revealed type is " not in line] == []
    revealed = [re.search(r'Revealed type is "(.*)"', line)[1] for line in said]
    assert len(revealed) == len(REVEALED)
    for found, wanted in zip(revealed, REVEALED):
        assert re.fullmatch(wanted, found), found


def refused(said, file):
    """The lines of a file that have an error."""
    return sorted({int(re.match(rf".*{file}:(\d+): error:", line)[1]) for line in said if ": error:" in line})


def test_what_is_misused_is_an_error(cache, tmp_path):
    (tmp_path / "misused.py").write_text("\n".join(["import temporal_lens as tl", *MISUSED]))
    assert refused(mypy(cache, tmp_path / "misused.py"), "misused.py") == list(range(2, len(MISUSED) + 2))


@pytest.mark.parametrize("line", NEWER)
def test_a_newer_python_would_be_seen(cache, tmp_path, line):
    (tmp_path / "newer.py").write_text(line)
    assert refused(mypy(cache, tmp_path / "newer.py"), "newer.py") != []
