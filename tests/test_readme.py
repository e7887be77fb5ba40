"""README is true: its snippets run and print what they are said to, its pictures are current.

Blocks of bash run in one folder and those of Python in another, each in the order of the page. A
block of another language that follows one at once is what it prints; ``...`` in it stands for
anything. A comment ``<!-- needs AWS -->`` before a block says that it can't run here: of its
commands only the names of options are looked up, of its Python only what it imports.

A picture stands between ``<!-- diagram: NAME -->`` and ``<!-- end diagram -->``; to draw it anew:
``pytest tests/test_readme.py --update-golden``.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from musicbee_warehouse import entity_diagram, lineage, star
from musicbee_warehouse.cli import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
NEEDS_AWS = "<!-- needs AWS -->"
FENCE = re.compile(
    r"^(?P<comment><!--[^\n]*-->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S
)
DIAGRAM = re.compile(
    r"(?P<start><!-- diagram: (?P<name>[^\n]+?) -->\n)(?P<text>.*?)(?P<end><!-- end diagram -->)",
    re.S,
)
SET_UP = re.compile(r"-m venv|pip install|bin/pytest")
"""The parts of the set-up commands that have been done when a test runs."""


# Pictures ---------------------------------------------------------------------------------------


def diagram(name):
    """Return the Mermaid block of a picture by its name."""
    if name.startswith("lineage "):
        picture = lineage(name.removeprefix("lineage "))
    else:
        picture = {
            "pipeline": lambda: star.pipeline("log_data", "song_data").graph(),
            "entities": entity_diagram,
        }[name]()
    return f"```mermaid\n{picture.mermaid()}\n```\n"


def with_diagrams(text):
    """Return a page of Markdown with its marked pictures drawn anew."""
    return DIAGRAM.sub(lambda found: found["start"] + diagram(found["name"]) + found["end"], text)


def test_the_pictures_are_current(request):
    text = README.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        README.write_text(with_diagrams(text), encoding="utf-8")
    assert README.read_text(encoding="utf-8") == with_diagrams(text), "see --update-golden"


def test_every_picture_is_marked_so_that_it_is_kept_current():
    assert "```mermaid" not in DIAGRAM.sub("", README.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["pipeline", "entities", "lineage songplay_fact.song_id"])
def test_a_marked_picture_is_drawn_anew(name):
    page = f"Before\n\n<!-- diagram: {name} -->\nold\n<!-- end diagram -->\n\nAfter"
    drawn = with_diagrams(page)
    assert f"<!-- diagram: {name} -->\n```mermaid\n" in drawn
    assert "old" not in drawn
    assert drawn.endswith("```\n<!-- end diagram -->\n\nAfter")
    assert with_diagrams(drawn) == drawn


def test_an_unknown_picture_is_an_error():
    with pytest.raises(KeyError, match="nothing"):
        with_diagrams("<!-- diagram: nothing -->\n<!-- end diagram -->")


# Blocks -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its code, the line on which it begins, and what it prints."""

    language: str
    code: str
    line: int
    runs: bool
    output: str | None

    def __str__(self):
        return f"{self.language}-{self.line}"


def blocks_of(text):
    found = list(FENCE.finditer(text))
    for position, fence in enumerate(found):
        after = found[position + 1] if position + 1 < len(found) else None
        follows = after and not text[fence.end() : after.start()].strip()
        is_output = follows and after["language"] not in ("bash", "python", "mermaid")
        yield Block(
            fence["language"],
            fence["code"],
            text[: fence.start("code")].count("\n") + 1,
            (fence["comment"] or "").strip() != NEEDS_AWS,
            after["code"] if is_output else None,
        )


BLOCKS = list(blocks_of(README.read_text(encoding="utf-8")))


def blocks(language, *, run):
    return [block for block in BLOCKS if block.language == language and block.runs == run]


def check_output(block, output):
    flags = ELLIPSIS | NORMALIZE_WHITESPACE
    if block.output is not None and not OutputChecker().check_output(block.output, output, flags):
        assert output == block.output


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a function that makes a folder like a fresh checkout, with the library installed."""

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        tracked = (
            "alembic",
            "examples",
            "musicbee_warehouse",
            "pyproject.toml",
            "tests",
            "README.md",
        )
        for entry in tracked:
            (folder / entry).symlink_to(ROOT / entry)
        (folder / ".venv").symlink_to(sys.prefix)
        return folder

    return make


def environment():
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own.pop("MUSICBEE_WAREHOUSE_URL", None)
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return {
        **own,
        "PATH": path,
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


# Bash -------------------------------------------------------------------------------------------


def without_set_up(code):
    lines = code.replace("\\\n", " ").splitlines()
    parts = ([part for part in line.split(" && ") if not SET_UP.search(part)] for line in lines)
    return "\n".join(" && ".join(part) for part in parts)


@pytest.fixture(scope="module")
def shell(checkout):
    """Return what each block of bash printed, in their order; a block that fails has its error."""
    folder, printed = checkout("bash"), {}
    for block in BLOCKS:
        if block.language == "bash" and block.runs:
            printed[block] = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", without_set_up(block.code)],
                cwd=folder,
                env=environment(),
                capture_output=True,
                text=True,
                check=False,
            )
    return printed


@pytest.mark.parametrize("block", blocks("bash", run=True), ids=str)
def test_a_block_of_bash_runs(block, shell):
    done = shell[block]
    assert done.returncode == 0, done.stderr
    check_output(block, done.stdout)


def test_the_options_of_commands_that_need_aws_exist():
    for block in blocks("bash", run=False):
        for line in without_set_up(block.code).splitlines():
            check_options(line)


def check_options(line):
    words = shlex.split(line, comments=True)
    if words and words[0].endswith("musicbee-warehouse"):
        known = known_options(words[1:])
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, line


def known_options(words):
    """Return the options of a command and of the groups above it; fail if there is no command."""
    command, options = get_command(app), set()
    for word in [*words, ""]:
        options |= {option for parameter in command.params for option in parameter.opts}
        options |= {option for parameter in command.params for option in parameter.secondary_opts}
        if not hasattr(command, "commands"):
            return options
        assert word in command.commands, f"there is no command {word}"
        command = command.commands[word]
    return options


@pytest.mark.parametrize("line", ["musicbee-warehouse lode", "musicbee-warehouse load --evens x"])
def test_a_wrong_command_or_option_is_found(line):
    with pytest.raises(AssertionError):
        check_options(line)


# Python -----------------------------------------------------------------------------------------

DRIVER = """
import contextlib, io, json, sys, traceback

namespace, printed = {"__name__": "__main__"}, []
for line, code in json.load(sys.stdin):
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile("\\n" * (line - 1) + code, "README.md", "exec"), namespace)
    except BaseException:
        printed.append([out.getvalue(), traceback.format_exc()])
    else:
        printed.append([out.getvalue(), ""])
json.dump(printed, sys.stdout)
"""


@pytest.fixture(scope="module")
def interpreter(checkout):
    """Return what each block of Python printed, all run by one process, in their order."""
    chosen = [block for block in BLOCKS if block.language == "python" and block.runs]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRIVER],
        input=json.dumps([[block.line, block.code] for block in chosen]),
        cwd=checkout("python"),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(chosen, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("block", blocks("python", run=True), ids=str)
def test_a_block_of_python_runs_and_prints_the_block_after_it(block, interpreter):
    output, error = interpreter[block]
    assert not error, error
    check_output(block, output)


def test_what_python_that_needs_aws_imports_is_there():
    for block in blocks("python", run=False):
        check_imports(block.code)


def check_imports(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)], code
        elif isinstance(node, ast.Import):
            for alias in node.names:
                import_module(alias.name)


def test_a_wrong_import_is_found():
    check_imports("from musicbee_warehouse import load")
    with pytest.raises(AssertionError):
        check_imports("from musicbee_warehouse import lode")


# The page ---------------------------------------------------------------------------------------


def test_every_block_is_of_a_kind_that_is_looked_at():
    kinds = {"bash", "python", "mermaid", "sql", "text", ""}
    assert {block.language for block in BLOCKS} <= kinds
    outputs = {block.output for block in BLOCKS}
    loose = [str(b) for b in BLOCKS if b.language == "sql" and b.code not in outputs]
    assert not loose, "a block of SQL follows the Python that prints it"


def test_links_within_the_project_lead_somewhere():
    text = README.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
    assert [target for target in targets if not (ROOT / target).exists()] == []
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


PAGE = """
```bash
echo hello
```

```text
hel...
```

```python
print(1)
```
Prose between.
```sql
SELECT 1
```
<!-- needs AWS -->
```bash
musicbee-warehouse load --events s3://b/e
```
"""


def test_blocks_are_read_with_what_they_print_and_whether_they_run():
    bash, text, python, sql, aws = blocks_of(PAGE)
    assert (bash.code, bash.output, bash.line, bash.runs) == ("echo hello\n", "hel...\n", 3, True)
    assert (python.output, sql.output, text.output) == (None, None, None)
    assert (aws.runs, aws.line) == (False, 19)
    check_output(bash, "hello\n")
    with pytest.raises(AssertionError):
        check_output(bash, "goodbye\n")
