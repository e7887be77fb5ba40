"""Commands for the warehouse in the cloud: what it is made of, how it is, and its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_type_hints

import typer
from rich.table import Table
from rich.text import Text

from musicbee_warehouse import WarehouseError, provision
from musicbee_warehouse.cli.app import app, err, out
from musicbee_warehouse.provision import Account, Warehouse, described, my_address
from musicbee_warehouse.settings import cluster_settings, cluster_variable

cluster = typer.Typer(
    no_args_is_help=True,
    help="Create, watch, price and delete the warehouse on Amazon Redshift.",
)
app.add_typer(cluster, name="cluster")

_DESCRIBING = ("plan", "create", "template")
_NAMING = ("status", "pause", "resume", "delete")


def _option(setting: str, help_text: str, *names: str) -> Any:
    return typer.Option(*names, envvar=cluster_variable(setting), help=help_text)


Name = Annotated[str, typer.Argument(envvar=cluster_variable("name"), help="The warehouse's name.")]
Events = Annotated[str, _option("events", "The prefix of the activity logs, s3://bucket/folder.")]
Songs = Annotated[str, _option("songs", "The prefix of the song metadata, s3://bucket/folder.")]
Work = Annotated[str, _option("work", "The prefix for manifests; the only one written to.")]
Ttl = Annotated[str, _option("ttl", "How long it is wanted, as 4h or 7d; empty for ever.")]
Owner = Annotated[str, _option("owner", "Who answers for it; the caller of AWS by default.")]
Project = Annotated[str, _option("project", "What it is for.")]
Database = Annotated[str, _option("database", "The database to make.")]
NodeType = Annotated[
    str, _option("node_type", "A provisioned cluster of such nodes, instead of Serverless.")
]
Nodes = Annotated[int, typer.Option(help="How many nodes a provisioned cluster has.")]
Capacity = Annotated[int, typer.Option(help="The base capacity of Serverless, in RPU.")]
DailyLimit = Annotated[int, typer.Option(help="RPU-hours a day after which Serverless refuses.")]
Subnet = Annotated[list[str] | None, typer.Option(help="A subnet to be in; give each.")]
Public = Annotated[bool, typer.Option("--public", help="Let this computer connect from outside.")]
PublicFrom = Annotated[str, _option("public_from", "Let this one IPv4 address connect.")]
Region = Annotated[str, typer.Option(envvar="AWS_REGION", help="The region of AWS.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


@cluster.callback()
def _defaults(context: typer.Context) -> None:
    """Take from the settings what no option says."""
    settings = cluster_settings()
    if "subnets" in settings:
        settings["subnet"] = settings.pop("subnets")
    named = {"name": settings["name"]} if "name" in settings else {}
    context.default_map = dict.fromkeys(_DESCRIBING, settings) | dict.fromkeys(_NAMING, named)


def _describe(
    name: Name,
    events: Events,
    songs: Songs,
    work: Work,
    ttl: Ttl = "",
    owner: Owner = "",
    project: Project = "musicbee",
    database: Database = "musicbee",
    node_type: NodeType = "",
    nodes: Nodes = 1,
    capacity: Capacity = 4,
    daily_limit: DailyLimit = 16,
    subnet: Subnet = None,
    public: Public = False,
    public_from: PublicFrom = "",
) -> Warehouse:
    given = {
        "name": name,
        "events": events,
        "songs": songs,
        "work": work,
        "ttl": ttl,
        "owner": owner,
        "project": project,
        "database": database,
        "subnets": subnet,
        "public_from": my_address() if public and not public_from else public_from,
    }
    if node_type:
        return described(given | {"node_type": node_type, "nodes": nodes})
    return described(given | {"capacity": capacity, "daily_limit": daily_limit})


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    hints = get_type_hints(function, include_extras=True)
    given = signature(function).parameters.values()
    return [parameter.replace(annotation=hints[parameter.name]) for parameter in given]


def _describing(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that describe a warehouse; it is called with the warehouse."""
    options = _parameters(_describe)
    _, *own = _parameters(command)

    @wraps(command)
    def run(**given: Any) -> None:
        others = {each.name: given.pop(each.name) for each in own}
        command(_describe(**given), **others)

    run.__annotations__ = {each.name: each.annotation for each in (*options, *own)}
    vars(run)["__signature__"] = Signature([*options, *own])
    return run


def _account(region: str) -> Account:
    import boto3  # noqa: PLC0415 - only these commands need it

    return provision.account(boto3.session.Session(region_name=region or None))


@contextmanager
def _steps() -> Iterator[Callable[[str, str], None]]:
    """Show what is worked on and for how long; say each thing done on a line."""
    with err.status("asking AWS") as line:

        def on_step(what: str, doing: str) -> None:
            line.update(f"{what}: {doing}")
            if doing in ("is there", "is gone"):
                err.print(f"  {what} {doing}", highlight=False)

        try:
            yield on_step
        except KeyboardInterrupt:
            raise WarehouseError(
                "interrupted; what AWS was asked for goes on, run the command again to complete it"
            ) from None


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True)


@cluster.command("plan")
@_describing
def _plan(warehouse: Warehouse, region: Region = "") -> None:
    """Show what would be made, what is there already, and what it costs; change nothing."""
    out.print(Text(repr(provision.plan(warehouse, _account(region)))))


@cluster.command("create")
@_describing
def _create(warehouse: Warehouse, region: Region = "", yes: Yes = False) -> None:
    """Make the warehouse, or complete one that was begun, and wait until it can be used."""
    account = _account(region)
    out.print(Text(repr(provision.plan(warehouse, account))))
    _confirm("Create it?", yes)
    with _steps() as on_step:
        made = provision.create(warehouse, account, on_step=on_step)
    out.print(Text(repr(made)))


@cluster.command("template")
@_describing
def _template(warehouse: Warehouse) -> None:
    """Print a template of CloudFormation that makes the same; no connection is needed."""
    typer.echo(provision.template(warehouse))


@cluster.command("status")
def _status(name: Name, region: Region = "") -> None:
    """Show how the warehouse is: its state, address, role and until when it is wanted."""
    out.print(Text(repr(provision.status(name, _account(region)))))


@cluster.command("list")
def _list(region: Region = "") -> None:
    """Show all warehouses of our making in the region, also those begun or deleted half."""
    found = provision.warehouses(_account(region))
    table = Table("name", "kind", "size", "state", "owner", "expires")
    for each in found:
        expires = f"{each.expires or 'never'}{' (over)' if each.is_expired else ''}"
        table.add_row(each.name, each.kind, each.size, each.state, each.owner, expires)
    out.print(table if found else "There are none.")


@cluster.command("pause")
def _pause(name: Name, region: Region = "") -> None:
    """Pause a cluster; a Serverless workgroup costs nothing while no statement runs anyway."""
    with err.status("waiting until it is paused"):
        out.print(Text(provision.pause(name, _account(region)).summary))


@cluster.command("resume")
def _resume(name: Name, region: Region = "") -> None:
    """Resume a paused cluster."""
    with err.status("waiting until it takes connections"):
        out.print(Text(provision.resume(name, _account(region)).summary))


@cluster.command("delete")
def _delete(
    name: Annotated[
        str, typer.Argument(envvar=cluster_variable("name"), help="The warehouse's name.")
    ] = "",
    expired: Annotated[
        bool, typer.Option("--expired", help="All of the caller's whose time is over instead.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it and stop.")] = False,
    final_snapshot: Annotated[str, typer.Option(help="The name of a snapshot to leave.")] = "",
    owner: Owner = "",
    region: Region = "",
    yes: Yes = False,
) -> None:
    """Delete the warehouse and all that was made for it, after showing what that is."""
    account = _account(region)
    names = list(provision.expired(account)) if expired else [name]
    if not any(names):
        if expired:
            out.print("No time of yours is over.")
            return
        raise WarehouseError("name the warehouse to delete, or give --expired")
    for each in names:
        out.print(Text(repr(provision.removal(each, account, owner=owner))))
    if dry_run:
        return
    _confirm("Delete them?", yes)
    for each in names:
        with _steps() as on_step:
            removal = provision.delete(
                each,
                account,
                owner=owner,
                final_snapshot=final_snapshot or None,
                on_step=on_step,
            )
        kept = f"; kept: {', '.join(removal.kept)}" if removal.kept else ""
        out.print(Text(f"{each} is deleted; nothing of it is left{kept}"))
