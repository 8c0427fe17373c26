"""The `audimax` command."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import click

from core.errors import AudimaxError
from core.version import VERSION


class Commands(click.Group):
    """Says what is wrong in words; a traceback is for mistakes of ours only."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except AudimaxError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            if not (words := _obstacle(error)):
                raise
            raise click.ClickException(words) from error


def _obstacle(error: Exception) -> str:
    """What is in the way from outside, if that is what it was."""
    from core import obstacles

    return obstacles.worded(error)


@click.group(cls=Commands)
@click.version_option(VERSION, prog_name="audimax")
def main() -> None:
    """Audimax, a lecture hall on the web. Settings come from audimax.toml and AUDIMAX_… variables."""


@main.command()
@click.option(
    "--lan", metavar="1|ADDRESS", help="Serve the local network too, over HTTPS, at this address or at any."
)
def run(lan: str | None) -> None:
    """Run everything on this machine: web, jobs, LiveKit, PostgreSQL."""
    from core.run.supervisor import run as run_all

    run_all({**os.environ, **({"AUDIMAX_LAN": lan} if lan else {})})


@main.command()
@click.option(
    "--size",
    type=click.Choice(["small", "large"]),
    default="small",
    show_default=True,
    help="large: 5,000 people, 2,000 rooms, 5,000 finished lectures, and 200 that run, made up.",
)
def demo(size: str) -> None:
    """Run everything with people, rooms and finished lectures to look at, in a folder of its own."""
    from core.run.supervisor import run as run_all

    folder = "instance/demo" if size == "small" else f"instance/demo-{size}"
    environ = dict(os.environ)
    environ["AUDIMAX_INSTANCE_DIR"] = os.environ.get("AUDIMAX_INSTANCE_DIR") or folder
    run_all(environ, demo=size)


@main.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 100),
    default=4,
    show_default=True,
    envvar="AUDIMAX_JOBS_CONCURRENCY",
)
@click.option("--until-empty", is_flag=True, help="End when no job is left.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Made when the worker is ready.")
@click.option(
    "--without",
    multiple=True,
    help="A task that isn't begun by the clock, by its full name. For demonstrations.",
)
def jobs(concurrency: int, until_empty: bool, ready_file: Path | None, without: tuple[str, ...]) -> None:
    """Work off background jobs."""
    from core.engine import schema
    from core.jobs import run_worker
    from core.livekit import watch
    from core.logs import stream
    from core.run.processes import BEHIND, give_way

    # With whatever jobs start: who waits for a page comes first.
    give_way(os.getpid(), BEHIND)
    _remember_the_run()
    stream.start()
    app = _app()
    schema.refuse_old_database(app)
    if ready_file:
        ready_file.touch()
    compares = not until_empty and "core:reconcile" not in without
    with watch.beside(app) if compares else nullcontext():
        run_worker(app, concurrency=concurrency, wait=not until_empty, without=without)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--mail-to", default="", metavar="ADDRESS", help="Send a mail there, to see that it arrives.")
def doctor(as_json: bool, mail_to: str) -> None:
    """Look for what is wrong, and say how to mend it. Ends with 1 when something is bad."""
    from core.doctor.subjects import examine

    # What can't be read is a finding, with all the others.
    with suppress(AudimaxError):
        _remember_the_run()
    findings = examine(mail_to, _looking_at)
    _looking_at("")
    click.echo(json.dumps([f.as_dict() for f in findings], indent=2) if as_json else _readable(findings))
    sys.exit(1 if any(f.is_bad for f in findings) else 0)


def _looking_at(title: str) -> None:
    """What takes its time, for somebody who looks on."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{f'looking at {title} …' if title else ''}", nl=False, err=True)


PASSPHRASE_FILE = click.option(
    "--passphrase-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Its first line is the passphrase; else AUDIMAX_BACKUP_PASSPHRASE.",
)


@main.command()
@click.argument("target", required=False, type=click.Path(allow_dash=True, path_type=Path))
@click.option("--resume", is_flag=True, help="Take up a backup that broke off.")
@click.option("--encrypt", is_flag=True, help="Nobody reads it without the passphrase.")
@PASSPHRASE_FILE
@click.option("--with-secrets", is_flag=True, help="With the keys of the settings; best with --encrypt.")
def backup(
    target: Path | None, resume: bool, encrypt: bool, passphrase_file: Path | None, with_secrets: bool
) -> None:
    """Copy database and files as of one moment into a new folder TARGET, while the product runs.

    TARGET is below the instance's folder backups when left out; - writes a tar to standard output.
    """
    from core.backup import making, sealing, server

    if passphrase_file and not encrypt:
        raise click.UsageError("--passphrase-file goes with --encrypt")
    passphrase = sealing.passphrase_of(passphrase_file, os.environ)
    if encrypt and not passphrase:
        raise click.UsageError(f"say the passphrase with --passphrase-file, or in {sealing.VARIABLE}")
    if with_secrets and not encrypt:
        click.echo("The backup has secrets in it that everybody can read who has it.", err=True)
    is_stream = str(target) == "-"
    if is_stream and sys.stdout.isatty():
        raise click.UsageError("- writes a tar to standard output: redirect it into a file or a program")
    wish = making.Wish(None if is_stream else target, resume, passphrase if encrypt else "", with_secrets)
    os.umask(0o077)
    with server.at_hand(alone=False):
        app = _app()
        if is_stream:
            made = making.to_stream(app, sys.stdout.buffer, wish, _tell)
        else:
            made = making.to_folder(app, wish, _tell)
    click.echo(made.text(), err=is_stream)


@main.command()
@click.argument("source", type=click.Path(path_type=Path))
@PASSPHRASE_FILE
@click.option("--without", multiple=True, help="A plugin whose data are left behind; can be repeated.")
@click.option("--check", "only_check", is_flag=True, help="Only look whether it is whole and readable.")
def restore(source: Path, passphrase_file: Path | None, without: tuple[str, ...], only_check: bool) -> None:
    """Bring a backup, a folder or a tar, back into an empty installation. Run it again after a failure."""
    from core.backup import restoring, sealing, server

    found = restoring.opened(source, sealing.passphrase_of(passphrase_file, os.environ))
    if only_check:
        restoring.check(found, _tell)
        click.echo(f"{source} is whole: Audimax {found.manifest.version}, of {found.manifest.made_at}.")
        return
    os.umask(0o077)
    with server.at_hand(alone=True):
        restored = restoring.restore(_app(), found, without, _tell)
    click.echo(restored.text())


def _tell(text: str) -> None:
    """Progress, beside what a program reads."""
    click.echo(text, err=True)


@main.group()
def db() -> None:
    """The database's tables."""


@db.command()
def upgrade() -> None:
    """Bring the tables of core and of the enabled plugins up to date."""
    from core.engine import schema

    schema.upgrade_all(_app())
    click.echo("The database is up to date.")


@db.command()
def check() -> None:
    """Whether the tables are what this version expects."""
    from core.engine import schema

    schema.check(_app())
    click.echo("The database is as this version expects.")


@db.command()
@click.argument("name")
@click.argument("message")
def revise(name: str, message: str) -> None:
    """Write a migration of core or of a plugin from what its models have become."""
    from core.engine import schema

    click.echo(schema.revise(_app(), name, message))


@main.command("release-guard")
@click.argument("name")
def release_guard(name: str) -> None:
    """Switch a guard plugin off in all rooms, for good: they let nobody in while it isn't enabled."""
    from core.db import db as database
    from core.engine import room_plugins

    with _app().app_context():
        released = room_plugins.release_guard(name)
        database.session.commit()
    click.echo(f"{name} is switched off in {released} rooms.")


@main.group(invoke_without_command=True)
@click.pass_context
def plugins(context: click.Context) -> None:
    """What is installed, what is enabled, and what each hooks into."""
    from core.engine.plugins import describe

    if context.invoked_subcommand is not None:
        return
    for one in describe(_app()):
        state = "enabled " if one.enabled else "disabled"
        click.echo(f"{one.name:<16} {one.version:<10} {state} {one.source}")
        if one.hooks:
            click.echo(f"{'':<16} hooks into {', '.join(one.hooks)}")


@plugins.command("check")
@click.argument("name")
@click.option(
    "--tests",
    type=click.Path(exists=True, path_type=Path),
    help="A test file of the plugin with its PluginContract, which knows rows to try.",
)
def check_plugin(name: str, tests: Path | None) -> None:
    """Whether an installed plugin keeps every promise, enabled or not. Ends with 1 when it doesn't."""
    from core.kit.checking import NotChecked
    from core.kit.checking import check as look_at

    click.echo(f"Looking at {name} …", err=True)
    try:
        found = look_at(name, tests)
    except NotChecked as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(found.text())
    sys.exit(0 if found.is_fine else 1)


@main.group()
def plugin() -> None:
    """For those who write one."""


@plugin.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["export", "section", "guard", "panel"]),
    default="export",
    show_default=True,
    help="What it begins with; all of it can be changed.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder in which it is made; this one when left out.",
)
def new_plugin(name: str, kind: str, into: Path) -> None:
    """Make a package with a plugin that works, to change it into yours."""
    from core.config import raw_settings
    from core.kit import package
    from core.run.topology import first_party_plugins

    target = package.make(name, kind, into)
    enabled = raw_settings(os.environ).get("enabled_plugins") or first_party_plugins()
    click.echo(package.next_steps(name, target, _names(enabled)))


def _names(given: Any) -> list[str]:
    """A list as the settings' file or a variable has it."""
    return [name.strip() for name in (given.split(",") if isinstance(given, str) else given)]


@main.group()
def files() -> None:
    """The files of lectures, and the storages they are in."""


@files.command("check")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--delete-unowned", is_flag=True, help="Remove bytes without an owner that are older than a day."
)
def check_files(as_json: bool, delete_unowned: bool) -> None:
    """Look for bytes without an owner and owners without bytes, in every storage."""
    from core.files.care import check

    with _app().app_context():
        found = check(delete_unowned=delete_unowned)
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else found.text())
    sys.exit(0 if found.is_fine else 1)


@files.command("move")
@click.option("--to", "target", required=True, help="The id of a storage, for example local.")
def move_files(target: str) -> None:
    """Move all files to one storage, while they are used. Ctrl-C stops between two; run it again to go on."""
    from core.files.care import Moved, move, to_move

    with _app().app_context(), _until_interrupted() as stopped:
        total = to_move(target)

        def tell(so_far: Moved) -> None:
            done = so_far.files + so_far.failed
            click.echo(f"\r{done} of {total} files, {so_far.bytes / 1e6:.1f} MB", nl=False)

        moved = move(target, tell, stopped)
        left = to_move(target)
    click.echo(f"\n{moved.files} files are in {target} now, {left} are elsewhere.")
    if moved.left:
        click.echo(f"{moved.left} uploads are under way: run this again when they are done.")
    sys.exit(1 if left else 0)


@main.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
def retention(dry_run: bool) -> None:
    """Delete what is kept longer than the rules say, as it happens every night."""
    from core.retention.report import carry_out, told

    with _app().app_context():
        click.echo(told() if dry_run else carry_out())


@main.group()
def person() -> None:
    """What is stored about one person: handed out, or deleted for good."""


EMAIL = click.option("--email", default="", help="The address of an account.")
PARTICIPANT = click.option(
    "--participant", default="", help="Somebody who took part, by the id that `audimax person list` says."
)


@person.command("list")
@click.argument("lecture")
def list_people(lecture: str) -> None:
    """Who took part in a lecture, named by the id in its page's address: ids by which guests are found."""
    from core.people.privacy import cases

    with _app().app_context():
        for one in cases.people_of(lecture):
            click.echo(f"{one.public_id}  {one.name}")


@person.command("export")
@EMAIL
@PARTICIPANT
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), required=True)
def export_person(email: str, participant: str, target: Path) -> None:
    """Write a ZIP of all that is stored about an account or a guest. It must not exist yet."""
    from core.people.privacy import cases

    with _app().app_context():
        cases.export(cases.find(email, participant), target)
    click.echo(f"{target} has everything. Hand it to nobody else.")


@person.command("erase")
@EMAIL
@PARTICIPANT
@click.option("--keep-files", is_flag=True, help="Keep files shared in lectures, without the name.")
@click.option("--rooms-to", default="", help="The address of the account that gets the person's rooms.")
@click.option("--delete-rooms", is_flag=True, help="Delete the person's rooms with all their lectures.")
@click.confirmation_option(prompt="Nobody can bring this back. Delete the person?")
def erase_person(email: str, participant: str, keep_files: bool, rooms_to: str, delete_rooms: bool) -> None:
    """Delete an account or a guest for good. Run it again after a failure."""
    from core.people.privacy import cases

    if rooms_to and delete_rooms:
        raise click.UsageError("say --rooms-to or --delete-rooms, not both")
    fate = "delete" if delete_rooms else "hand_over" if rooms_to else ""
    with _app().app_context():
        failed = cases.erase(cases.find(email, participant), keep_files, fate, rooms_to)
    if failed:
        raise click.ClickException(f"it isn't done yet, and nobody can use the account: {failed}")
    click.echo("The person is deleted; a job removes the bytes of their files.")


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed: asked where it does no harm to stop."""
    pressed: list[int] = []
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    for one in before:
        signal.signal(one, lambda number, _frame: pressed.append(number))
    try:
        yield lambda: bool(pressed)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@main.command()
@click.option("--domain", help="Host name in people's browsers: audimax.uni.example. Asked for if left out.")
@click.option("--email", help="For the certificates, and as sender of mails. Asked for if left out.")
@click.option(
    "--profile", type=click.Choice(["local", "production"]), default="production", show_default=True
)
@click.option("--node-ip", default="", help="This machine's public IPv4 address; else what DNS says.")
@click.option("--mail-url", default="", help="smtp://user:password@host:587?starttls=1")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("deploy"),
    show_default=True,
    help="The folder of compose.yaml.",
)
def setup(
    domain: str | None, email: str | None, profile: str, node_ip: str, mail_url: str, into: Path
) -> None:
    """Write .env with every secret for an installation with Docker Compose. Overwrites nothing."""
    from core.run import setting_up

    kind: setting_up.Profile = "local" if profile == "local" else "production"
    if domain is None and kind == "production":
        domain = click.prompt("Domain", value_proc=_or_ask_again(setting_up.checked_domain))
    if email is None:
        email = click.prompt("Mail address", value_proc=_or_ask_again(setting_up.checked_email))
    made = setting_up.plan(domain or "", email or "", kind, node_ip, mail_url)
    click.echo(setting_up.next_steps(made, setting_up.write(made, into)), nl=False)


def _or_ask_again(check: Callable[[str], str]) -> Callable[[str], str]:
    """A wrong answer is asked for once more."""

    def checked(given: str) -> str:
        try:
            return check(given)
        except AudimaxError as error:
            raise click.UsageError(str(error)) from error

    return checked


@main.command("set-up-link")
def set_up_link() -> None:
    """Print a new link for the first admin; the one before is dead."""
    from core.people.accounts import create_set_up_link

    with _app().app_context():
        made = create_set_up_link()
    if made is None:
        raise click.ClickException("there is an admin already; ask them for an invitation")
    click.echo(made)


def _app() -> Any:
    from core import create_app
    from core.logs import stream

    stream.start_for_commands()
    _remember_the_run()
    return create_app()


def _remember_the_run() -> None:
    """Beside an `audimax run`, take the settings of that run where none are given."""
    from core.config import raw_settings
    from core.run.instance import Instance

    given = raw_settings(os.environ)
    if given.get("database_url"):
        return
    kept = Instance(Path(given.get("instance_dir") or "instance").resolve()).remembered()
    for name, value in kept.items():
        os.environ.setdefault(name, value)


def _readable(findings: list[Any]) -> str:
    """The findings by what they are about, and how many there are of each kind."""
    groups: dict[str, list[str]] = {}
    for one in findings:
        groups.setdefault(one.subject, []).append(one.text())
    parts = ["\n".join([title, *lines]) for title, lines in groups.items()]
    count = Counter(one.state for one in findings)
    parts.append(f"{count['good']} good, {count['warning']} to look at, {count['bad']} bad")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
