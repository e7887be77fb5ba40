"""The commands that load files and tell what was loaded, run as a user runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import duckdb
import pytest
from test_cli import EXAMPLES, run

LOGS, SONGS = EXAMPLES / "log_data", EXAMPLES / "song_data"
BOTH = ("--events", LOGS, "--songs", SONGS)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loaded")
    run("load", *BOTH, folder=folder)
    return folder


@pytest.fixture
def folder(loaded, tmp_path):
    shutil.copy(loaded / "musicbee.duckdb", tmp_path)
    return tmp_path


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_dry_run_prints_files_and_statements_and_leaves_nothing_behind(tmp_path):
    shown = run("load", "--dry-run", *BOTH, folder=tmp_path).stdout
    assert "55 files to load (170.5 kB); 0 loaded already" in shown
    assert f"songs   new      {SONGS}/A/A/A/TRAAAAXC9D4A13779E.json" in shown
    assert "INSERT INTO staging_events" in shown
    assert "INSERT INTO songplay_fact" in shown
    assert not list(tmp_path.iterdir())


def test_a_dry_run_beside_a_warehouse_tells_what_is_left(folder):
    planned = json.loads(run("load", "--dry-run", "--json", *BOTH, folder=folder).stdout)
    assert (planned["files"], planned["known"], planned["bytes"]) == ([], 55, 0)
    planned = json.loads(
        run("load", "--dry-run", "--full-refresh", "--json", *BOTH, folder=folder).stdout
    )
    assert len(planned["files"]) == 55
    assert "DELETE FROM loaded_file" in planned["script"]


def test_the_report_as_json_has_runs_checks_bytes_and_rejects(tmp_path):
    log = tmp_path / "log.json"
    log.write_text((LOGS / "2018/11/2018-11-01-events.json").read_text() + "hello\n")
    arguments = ("--events", log, "--max-errors", "1", "--json")
    report = json.loads(run("load", *arguments, folder=tmp_path).stdout)
    assert (report["files"], report["rejects"], report["events"]) == (1, 1, 72)
    assert report["bytes"] == log.stat().st_size
    assert len(report["run_ids"]) == 1
    assert {"check": "user_dim.user_id is unique", "violations": 0} in report["checks"]
    assert report["rows"]["songplay_fact"]["before"] == 0


def test_a_period_is_loaded_alone_and_batches_each_have_a_run(tmp_path):
    period = ("--since", "2018-11-02", "--until", "2018-11-03")
    run("load", "--events", LOGS, *period, "--batch-bytes", "1", folder=tmp_path)
    found = json.loads(run("runs", "--json", folder=tmp_path).stdout)
    assert [each["files"] for each in found] == [1, 1]


def test_runs_are_shown_newest_first(folder):
    day = folder / "more.json"
    day.write_text('{"page": "Home", "ts": 1541030400000, "sessionId": 1, "itemInSession": 0}\n')
    run("load", "--events", day, folder=folder)
    found = json.loads(run("runs", "--json", folder=folder).stdout)
    assert [each["files"] for each in found] == [1, 55]
    shown = run("runs", folder=folder).stdout
    assert shown.index(found[0]["run_id"][:8]) < shown.index(found[1]["run_id"][:8])
    assert found[1]["run_id"][:8] not in run("runs", "--last", "1", folder=folder).stdout


def test_check_says_that_all_holds_or_exits_1_and_names_what_does_not(folder):
    assert "checks hold." in run("check", folder=folder).stdout
    with duckdb.connect(folder / "musicbee.duckdb") as connection:
        connection.execute("INSERT INTO user_dim SELECT * FROM user_dim WHERE user_id = 2")
        connection.execute("DELETE FROM artist_dim")
    failed = run("check", folder=folder, code=1).stdout
    assert "user_dim.user_id is unique" in failed
    assert "song_dim.artist_id is in artist_dim" in failed
    assert "time_dim" not in failed
    assert "to repair: load with full_refresh" in one_line(failed)
    found = json.loads(run("check", "--json", folder=folder, code=1).stdout)
    unique = next(each for each in found if each["check"] == "user_dim.user_id is unique")
    assert (unique["violations"], unique["examples"]) == (1, ["2"])


def test_forget_explains_what_to_do(folder):
    file = LOGS / "2018/11/2018-11-01-events.json"
    told = one_line(run("forget", file, folder=folder, code=1).stdout)
    assert f"{file} was loaded by run" in told
    assert "with 72 rows" in told
    assert "load --full-refresh" in told
    unknown = run("forget", "nowhere.json", folder=folder, code=1).stderr
    assert "nowhere.json isn't loaded" in one_line(unknown)


@pytest.mark.parametrize("command", ["runs", "check", "forget x"])
def test_what_tells_of_a_warehouse_makes_none(tmp_path, command):
    failed = run(*command.split(), folder=tmp_path, code=1)
    assert "there is no warehouse musicbee.duckdb yet" in failed.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "there is nothing to load; give events, songs or both"),
        (("--events", LOGS, "--full-refresh"), "would lose the songs; give them too"),
        ((*BOTH, "--full-refresh", "--since", "2018-11-02"), "leave since and until out"),
        ((*BOTH, "--may-be-empty", "firstName"), "no staging table has a column firstName"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused_in_a_sentence(folder, arguments, sentence):
    failed = run("load", *arguments, folder=folder, code=1)
    assert sentence in one_line(failed.stderr)
    assert "Traceback" not in failed.stderr


def test_a_second_process_need_not_wait(folder):
    script = "import duckdb; c = duckdb.connect('musicbee.duckdb'); print(1, flush=True); input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=folder, stdin=-1, stdout=-1) as holder:
        holder.stdout.readline()
        failed = run("load", "--no-wait", *BOTH, folder=folder, code=1)
        assert f"(PID {holder.pid}) has musicbee.duckdb open" in one_line(failed.stderr)
        failed = run("load", "--dry-run", *BOTH, folder=folder, code=1)
        assert f"(PID {holder.pid}) has musicbee.duckdb open" in one_line(failed.stderr)
        holder.stdin.close()
