"""The commands of ``musicbee-warehouse cluster``: what a user types, and what they see."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from typer.testing import CliRunner

from musicbee_warehouse import provision, settings
from musicbee_warehouse.cli import cluster
from musicbee_warehouse.cli.app import app
from tests.provision import aws

PLACES = {
    "name": "bee",
    "events": "s3://music-data/logs",
    "songs": "s3://music-data/songs",
    "work": "s3://music-work/w",
}


@pytest.fixture
def run(rig, monkeypatch, tmp_path):  # noqa: ARG001 - the server
    """Return a function that runs the command line in an empty folder, as a user of AWS."""
    session = aws.session_of("ann", aws.allow("*"))
    credentials = session.get_credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.chdir(tmp_path)
    for name in settings.CLUSTER_TEXTS:
        monkeypatch.delenv(settings.cluster_variable(name), raising=False)
    monkeypatch.setattr(
        cluster, "_account", lambda _: provision.account(session, pace=provision.Pace(0, 8))
    )

    def command(*arguments, answer=None):
        result = CliRunner().invoke(app, ["cluster", *arguments], input=answer)
        assert credentials.secret_key not in result.output
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return command


@pytest.fixture
def settled(tmp_path):
    """Return a function that writes settings into the current folder."""

    def write(**given):
        lines = [f"{name} = {json.dumps(value)}" for name, value in (PLACES | given).items()]
        (tmp_path / "musicbee-warehouse.toml").write_text("\n".join(["[cluster]", *lines]))

    return write


def test_a_warehouse_is_planned_made_watched_paused_and_deleted(run, settled):
    settled(ttl="4h", node_type="ra3.large")
    planned = run("plan")
    assert "4 of 4 resources are to be made" in planned.stdout
    assert "USD an hour" in planned.stdout
    made = run("create", "--yes")
    assert "bee: cluster of 1 x ra3.large, available" in made.stdout
    assert "cluster bee is there" in made.stderr
    assert run("status").stdout.startswith("bee: cluster of 1 x ra3.large, available")
    assert "ann" in run("list").stdout
    assert "paused" in run("pause").stdout
    assert "available" in run("resume").stdout
    assert "delete    cluster          bee" in run("delete", "--dry-run").stdout
    assert "available" in run("status").stdout
    deleted = run("delete", "--yes")
    assert "bee is deleted; nothing of it is left" in deleted.stdout
    assert "There are none." in run("list").stdout


def test_the_options_describe_what_the_settings_would(run):
    options = [f"--{name}={value}" for name, value in PLACES.items() if name != "name"]
    assert (
        run("create", "wasp", *options, "--capacity=8", "--daily-limit=3", "--yes").exit_code == 0
    )
    assert "wasp: workgroup of 8 RPU, available" in run("status", "wasp").stdout
    run("delete", "wasp", "--yes")


def test_variables_of_the_environment_come_before_the_file(run, settled, monkeypatch):
    settled(node_type="ra3.large")
    monkeypatch.setenv("MUSICBEE_WAREHOUSE_NAME", "hornet")
    assert '"ClusterIdentifier": "hornet"' in run("template").stdout


def test_nothing_is_made_or_deleted_without_a_yes(run, settled):
    settled()
    asked = run("create", answer="n\n")
    assert asked.exit_code == 1
    assert "Create it?" in asked.output
    assert "There are none." in run("list").stdout
    run("create", "--yes")
    assert run("delete", answer="n\n").exit_code == 1
    assert run("status").exit_code == 0
    run("delete", "--yes")


def test_what_expired_is_deleted_and_the_rest_is_not(run, settled, monkeypatch):
    settled(ttl="4h")
    run("create", "--yes")
    run("create", "wasp", "--ttl", "9h", "--yes")
    assert "No time of yours is over." in run("delete", "--expired").stdout
    session = aws.session_of("ann", aws.allow("*"))
    later = provision.account(session, pace=provision.Pace(0, 8))
    object.__setattr__(later, "now", lambda: datetime.now(UTC) + timedelta(hours=5))
    monkeypatch.setattr(cluster, "_account", lambda _: later)
    assert "its time is over, delete it" in run("status").stdout
    assert "(over)" in run("list").stdout
    assert "bee is deleted" in run("delete", "--expired", "--yes").stdout
    assert "wasp" in run("list").stdout
    run("delete", "wasp", "--yes")


def test_a_template_is_printed_without_any_connection(run, settled, monkeypatch):
    settled()
    monkeypatch.setattr(boto3.session, "Session", None)
    monkeypatch.setattr(cluster, "_account", None)
    assert json.loads(run("template").stdout)["Resources"]["Workgroup"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "Bee"], "'Bee' can't be the name of a warehouse"),
        (["plan", "--node-type", "dc2.large"], "AWS makes no clusters of dc2.large any more"),
        (["plan", "--node-type", "ra3.huge"], "us-west-2 offers no nodes of ra3.huge; it offers"),
        (["plan", "--public-from", "0.0.0.0/0"], "a warehouse is never opened to a network"),
        (["plan", "--ttl", "soon"], "'soon' is no duration"),
        (["status"], "there is no warehouse bee with our tags in us-west-2"),
        (["delete", "--yes"], "there is no warehouse bee in us-west-2"),
        (["pause"], "there is no warehouse bee in us-west-2"),
    ],
)
def test_what_goes_wrong_is_one_sentence(run, settled, arguments, sentence):
    settled()
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.replace("\n", " ").strip().split("Error: ")[1:]
    assert sentence in line


def test_a_wrong_region_is_one_sentence():
    result = CliRunner().invoke(app, ["cluster", "list", "--region", "eu-wst-1"])
    assert result.exit_code == 1
    assert "no region 'eu-wst-1'; do you mean eu-west-1?" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[cluster]\npassword = 'x'", "hold password, which isn't known"),
        ("[warehouse]\nname = 'x'", "hold warehouse, which isn't known"),
        ("[cluster]\nname = 7", "name in musicbee-warehouse.toml is 7; it is to be a str"),
        ("[cluster]\nnodes = '7'", "nodes in musicbee-warehouse.toml is '7'; it is to be a int"),
        ("[cluster", "the settings musicbee-warehouse.toml can't be read"),
    ],
)
def test_settings_that_are_wrong_are_one_sentence(run, tmp_path, content, sentence):
    (tmp_path / "musicbee-warehouse.toml").write_text(content)
    result = run("list")
    assert result.exit_code == 1
    assert sentence in " ".join(result.stderr.split())


def test_settings_that_are_named_must_be_there(run, monkeypatch):
    monkeypatch.setenv("MUSICBEE_WAREHOUSE_SETTINGS", "nowhere.toml")
    assert "the settings nowhere.toml can't be read" in run("list").stderr


def test_an_interruption_says_how_to_go_on(run, settled, monkeypatch):
    settled()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(provision, "create", interrupted)
    result = run("create", "--yes")
    assert result.exit_code == 1
    assert "run the command again to complete it" in " ".join(result.stderr.split())
