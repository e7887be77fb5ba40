"""The notebooks of ``examples/`` run from top to bottom in a fresh kernel, and show what they show.

Their outputs are committed, to be read where notebooks are rendered, and compared with those of a
run; those of a cell that is tagged ``varies``, such as times, are not. To write them anew:
``pytest tests/test_notebooks.py --update-golden``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
VARIES = "varies"
REMEDY = "if it is to show this now, see --update-golden"
LARGEST = 500_000
"""Bytes of a notebook: what is larger reads badly in a review."""
MACHINE = re.compile(
    r"/(?:home|root|tmp|var|Users|private|work)/|site-packages|\.venv|127\.0\.0\.1"
)
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def executed(name, folder, **environment):
    """Run a copy of a notebook in a folder where the example data are, and return it."""
    (folder / "data").symlink_to(EXAMPLES / "data")
    copy = folder / name
    copy.write_bytes((EXAMPLES / name).read_bytes())
    own = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    (folder / "tmp").mkdir()
    own |= {"TMPDIR": str(folder / "tmp")}
    own |= {"PYTHONWARNINGS": "error::UserWarning", "IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", RUN, name],
        cwd=folder,
        env=own | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return cleaned(nbformat.read(copy, as_version=4))


def cleaned(notebook):
    """Leave out when and by which version a cell was run."""
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


def shown(cell):
    """Return what a cell shows, output by output and kind by kind: of pictures the words alone."""
    return [
        [output.output_type, output.get("text", "")]
        + [(kind, words(kind, text)) for kind, text in sorted(output.get("data", {}).items())]
        for output in cell.get("outputs", [])
    ]


def words(kind, text):
    if kind == "image/svg+xml":
        return sorted(re.findall(r"<text[^>]*>([^<]*)<", text))
    return "" if kind.startswith("image/") else text


def hold_up(name, fresh, request):
    """Compare a fresh run with the committed notebook, or write that anew."""
    if request.config.getoption("--update-golden"):
        nbformat.write(fresh, EXAMPLES / name)
    committed = nbformat.read(EXAMPLES / name, as_version=4)
    for number, (cell, new) in enumerate(zip(committed.cells, fresh.cells, strict=True)):
        assert cell.source == new.source
        if VARIES in cell.metadata.get("tags", []):
            assert len(cell.get("outputs", [])) == len(new.get("outputs", []))
        else:
            assert shown(cell) == shown(new), f"cell {number} ({REMEDY}): {cell.source}"


NOTEBOOKS = sorted(path.name for path in EXAMPLES.glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def test_the_notebooks_are_these():
    assert NOTEBOOKS == ["analysis.ipynb", "quickstart.ipynb", "redshift.ipynb"]


@pytest.mark.parametrize("name", ["analysis.ipynb", "quickstart.ipynb"])
def test_a_notebook_runs_without_an_account_and_shows_what_is_committed(name, tmp_path, request):
    hold_up(name, executed(name, tmp_path), request)


def test_the_notebook_on_redshift_runs_on_the_stand_in(cloud, redshift_url, tmp_path, request):
    cloud.client("s3").create_bucket(Bucket="musicbee-example")
    fresh = executed(
        "redshift.ipynb",
        tmp_path,
        **cloud.environment,
        MUSICBEE_WAREHOUSE_URL=redshift_url,
        MUSICBEE_BUCKET="musicbee-example",
    )
    hold_up("redshift.ipynb", fresh, request)


@every_notebook
def test_a_notebook_is_committed_as_it_was_run_from_top_to_bottom(name):
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(o.output_type == "error" for cell in code for o in cell.outputs)


@every_notebook
def test_the_outputs_are_small_and_tell_nothing_of_a_machine(name):
    assert (EXAMPLES / name).stat().st_size < LARGEST
    for cell in nbformat.read(EXAMPLES / name, as_version=4).cells:
        for output in cell.get("outputs", []):
            found = MACHINE.search(str({**output, "metadata": ""}))
            assert not found, f"{found} in the output of: {cell.source}"


@every_notebook
def test_a_notebook_explains_itself(name):
    cells = nbformat.read(EXAMPLES / name, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    explained = sum(cell.cell_type == "markdown" for cell in cells)
    assert explained >= len(cells) / 3
