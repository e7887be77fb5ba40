"""The four scripts one after the other, from nothing to nothing, on the stand-in for Redshift."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from moto import settings as moto_settings
from moto.core.authorization import ActionAuthenticatorMixin
from typer.testing import CliRunner

from musicbee_warehouse import provision, settings
from musicbee_warehouse.cli.app import app
from tests.loading.s3_server import seed
from tests.provision import aws

REGION = "us-east-1"
SCRIPTS = Path(__file__).parents[2] / "examples"


@pytest.fixture
def amazon(cloud, monkeypatch):
    """Return the stand-in with all that a warehouse is made of, and IAM enforced."""
    monkeypatch.setattr(moto_settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    with aws.extended():
        before = aws.saved(REGION)
        yield cloud
        aws.restore(before, REGION)


@pytest.fixture
def described(bucket, tmp_path, monkeypatch):
    """Return a function that writes the settings of a warehouse over the example's files."""
    files = list((SCRIPTS / "data").rglob("*.json"))
    seed(bucket, {str(path.relative_to(SCRIPTS / "data")): path.read_bytes() for path in files})
    monkeypatch.chdir(tmp_path)
    for name in settings.CLUSTER_TEXTS:
        monkeypatch.delenv(settings.cluster_variable(name), raising=False)

    def write(**given):
        prefixes = {"events": "log_data", "songs": "song_data", "work": "work"}
        places = {key: f"s3://{bucket}/{prefix}" for key, prefix in prefixes.items()}
        lines = [f'{key} = "{value}"' for key, value in (places | given).items()]
        Path(settings.SETTINGS_FILE).write_text("\n".join(["[cluster]", *lines]))

    return write


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs a script as a user does, and gives what it prints."""

    def script(name, *arguments):
        monkeypatch.setattr("sys.argv", [name, *arguments])
        runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return script


def command(*arguments):
    result = CliRunner().invoke(app, ["cluster", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("kind", [{"node_type": "ra3.large"}, {}], ids=["cluster", "workgroup"])
@pytest.mark.usefixtures("amazon")
def test_the_four_scripts_make_load_and_delete_a_warehouse_twice_in_a_row(described, run, kind):
    described(name="bees", ttl="4h", **kind)
    reports = []
    for _ in range(2):
        assert "4 of 4 resources are to be made" in run("create_cluster_iac", "--yes")
        assert "bees has all tables" in run("create_tables")
        loaded = run("etl")
        assert loaded.startswith("Loaded 55 files")
        assert "Nothing to load: 55 files are loaded already" in run("etl")
        assert ("paused" if kind else "available") in command("pause")
        assert "available" in command("resume")
        assert "Nothing to load: 55 files are loaded already" in run("etl")
        assert "nothing of bees is left" in run("delete_cluster_iac", "--yes")
        assert provision.inventory(provision.account()) == []
        reports.append(loaded.partition("\n\n")[2].split("\n\n")[0])
    assert reports[0] == reports[1]


@pytest.mark.usefixtures("amazon")
def test_a_script_says_in_a_sentence_what_is_missing(described, run):
    described(name="bees")
    with pytest.raises(SystemExit, match="Error: there is no cluster and no workgroup bees"):
        run("create_tables")
    with pytest.raises(SystemExit, match="Error: there is no warehouse bees in us-east-1"):
        run("delete_cluster_iac", "--yes")


@pytest.mark.usefixtures("amazon")
def test_a_script_makes_nothing_without_a_yes(described, run, monkeypatch):
    described(name="bees")
    monkeypatch.setattr("builtins.input", lambda _: "n")
    run("create_cluster_iac")
    assert provision.inventory(provision.account()) == []


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_is_short(script):
    assert len(script.read_text().splitlines()) < 40
