"""The command line, run as a user runs it: in an empty folder, by its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from musicbee_warehouse import cli
from musicbee_warehouse.cli.app import app

EXAMPLES = Path(__file__).parents[1] / "examples" / "data"


def run(*arguments: str | Path, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {name: v for name, v in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"COLUMNS": "160", "NO_COLOR": "1"}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    environment.pop("MUSICBEE_WAREHOUSE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "musicbee_warehouse", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def load(folder: Path, **options: Path) -> subprocess.CompletedProcess[str]:
    sources = {"events": EXAMPLES / "log_data", "songs": EXAMPLES / "song_data", **options}
    return run("load", "--events", sources["events"], "--songs", sources["songs"], folder=folder)


def test_load_prints_what_is_in_the_warehouse_now(tmp_path):
    report = load(tmp_path).stdout
    assert "Loaded 55 files" in report
    assert "│ song_dim           │      0 │  48 │" in report
    assert (tmp_path / "musicbee.duckdb").exists()


def test_query_prints_rows_and_rolls_back_what_it_changes(tmp_path):
    load(tmp_path)
    run("query", "delete from song_dim", folder=tmp_path)
    rows = run("query", "select count(*) as songs, '[a]' as word from song_dim", folder=tmp_path)
    assert "│    48 │ [a]  │" in rows.stdout


def test_query_says_when_there_are_more_rows(tmp_path):
    load(tmp_path)
    rows = run("query", "--limit", "2", "select song_id from song_dim", folder=tmp_path).stdout
    assert rows.count("│ SO") == 2
    assert "more rows than 2" in rows


def test_tables_shows_each_table_with_its_sentence(tmp_path):
    load(tmp_path)
    tables = run("tables", folder=tmp_path).stdout
    assert "One play of one song by one user" in tables
    assert "unmatched_songplay" in tables


@pytest.mark.parametrize(
    ("dialect", "words"), [("redshift", "IAM_ROLE default"), ("duckdb", "FROM read_json(")]
)
def test_sql_prints_the_script_without_a_connection(tmp_path, dialect, words):
    script = run("sql", "--dialect", dialect, folder=tmp_path).stdout
    assert words in script
    assert "-- 28 of 28: INSERT songplay_fact" in script
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["query", "select 1"], "there is no warehouse musicbee.duckdb yet; load makes it"),
        (["load", "--events", "x", "--songs", "y"], "there is no file or folder x"),
        (
            ["load", "--events", "s3://b/x", "--songs", "y"],
            "there are no AWS credentials for s3://b/x",
        ),
        (
            ["query", "--url", "sqlite:///x", "select 1"],
            "runs on duckdb and redshift, not on sqlite",
        ),
    ],
)
def test_an_error_is_a_sentence(tmp_path, arguments, sentence):
    failed = run(*arguments, folder=tmp_path, code=1)
    assert sentence in failed.stderr.replace("\n", " ")
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.splitlines()) <= 3


def test_an_error_of_the_database_is_a_sentence_and_verbose_shows_where(tmp_path):
    load(tmp_path)
    failed = run("query", "select nope", folder=tmp_path, code=1)
    assert 'Referenced column "nope"' in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "Traceback" in run("--verbose", "query", "select nope", folder=tmp_path, code=1).stderr


def test_a_warehouse_open_elsewhere_is_a_sentence(tmp_path):
    load(tmp_path)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb; c = duckdb.connect('musicbee.duckdb'); "
            "print('open', flush=True); input()",
        ],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        failed = run("query", "select 1", folder=tmp_path, code=1)
        assert f"(PID {holder.pid}) has the warehouse open" in failed.stderr.replace("\n", " ")
    finally:
        holder.communicate(b"\n")


def test_a_fault_in_a_file_is_named_with_line_and_column(tmp_path):
    log = tmp_path / "log.json"
    good = {"page": "Home", "ts": 1541030400000, "sessionId": 1, "itemInSession": 0}
    log.write_text(json.dumps(good) + "\n" + json.dumps({**good, "status": "abc"}) + "\n")
    failed = run("load", "--events", log, "--songs", EXAMPLES, folder=tmp_path, code=1)
    assert "log.json, line 2, status: 'abc' is no whole number" in failed.stderr.replace("\n", " ")


def test_simulate_then_load(tmp_path):
    size = ("--songs", "20", "--users", "5", "--days", "2")
    wrote = run("simulate", *size, "--out", "data", folder=tmp_path)
    assert "Wrote 20 songs" in wrote.stdout
    load(tmp_path, events=tmp_path / "data" / "log_data", songs=tmp_path / "data" / "song_data")


def test_demo_leaves_a_warehouse_that_its_own_last_line_queries(tmp_path):
    shown = run("demo", folder=tmp_path).stdout
    assert "Which songs are played most?" in shown
    rows = run(
        "query",
        "--url",
        "duckdb:///musicbee-demo.duckdb",
        "select level, count(*) as plays from songplay_fact group by level",
        folder=tmp_path,
    ).stdout
    assert "paid" in rows


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_an_interruption_is_a_sentence(monkeypatch, error):
    """Python's own, and what DuckDB's Python API makes of it while it runs a statement."""

    def interrupted(*_, **__):
        raise error

    monkeypatch.setattr(cli.loading, "load", interrupted)
    events = str(EXAMPLES / "log_data")
    done = CliRunner().invoke(app, ["load", "--events", events, "--url", "duckdb:///:memory:"])
    said = " ".join(done.output.split())
    assert said.endswith("Error: interrupted; what wasn't committed is as it was")
    assert done.exit_code == 130


def test_a_character_that_the_output_cannot_encode_is_escaped(tmp_path, monkeypatch):
    load(tmp_path)
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    assert "note \\u266b" in run("query", "select 'note \u266b' as a", folder=tmp_path).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
@pytest.mark.parametrize("arguments", [["sql"], ["load", "--dry-run", "--events", EXAMPLES]])
def test_a_reader_that_has_enough_is_no_error(tmp_path, arguments):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "musicbee_warehouse", *map(str, arguments)]
    done = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, cwd=tmp_path, check=False, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_pipe_that_breaks_elsewhere_is_a_sentence(monkeypatch):
    def fails(*_, **__):
        raise BrokenPipeError("the server went away")

    monkeypatch.setattr(cli.loading, "load", fails)
    done = CliRunner().invoke(app, ["load", "--events", "x", "--url", "duckdb:///:memory:"])
    assert (done.exit_code, done.output.strip()) == (1, "Error: the server went away")


def test_another_error_of_python_is_none_of_them(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(cli.loading, "load", fails)
    done = CliRunner().invoke(app, ["load", "--events", "x", "--url", "duckdb:///:memory:"])
    assert str(done.exception) == "a bug"


def test_help_lists_the_commands_in_the_order_of_their_need(tmp_path):
    said = run("--help", folder=tmp_path).stdout
    places = [said.index(f"│ {name} ") for name in ("demo", "load", "query", "report", "cluster")]
    assert places == sorted(places)


def test_help_takes_its_words_from_the_library(tmp_path):
    assert (
        "Load the files that aren't loaded yet, each exactly once"
        in run("load", "--help", folder=tmp_path).stdout
    )
    assert "0.1.0" in run("--version", folder=tmp_path).stdout
