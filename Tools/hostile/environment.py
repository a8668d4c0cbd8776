"""What the system around vecdb may be like."""

import argparse
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiment.compiler import compiled
from experiment.errors import HarnessError, Violation
from experiment.report import Section, sections_of
from experiment.segment_image import segment_of

from .world import World

NOBODY = "65534"
BUILDS = 60


def run_environment(world: World, arguments: argparse.Namespace) -> list[Section]:
    scenarios: dict[str, Callable[[World, Section], None]] = {
        "read-only-medium": _read_only_medium,
        "read-only-for-this-user": _read_only_user,
        "network-file-system": _network,
        "few-descriptors": _descriptors,
        "little-memory": _memory,
        "other-kinds-of-files": _kinds,
        "inputs-that-are-no-files": _inputs,
        "odd-names": _names,
        "open-to-everybody": _open_to_everybody,
        "copied-while-open": _copied,
    }
    return sections_of("environment", scenarios, world, arguments)


def expect(
    section: Section, world: World, words: list[str], status: "int | tuple[int, ...]", text: str = "", **how: object
) -> str:
    """Runs vecdb, which must end with `status` and say `text`; its standard output."""
    outcome = world.run(words, **how)
    section.count("commands")
    allowed = status if isinstance(status, tuple) else (status,)
    said = outcome.stderr + outcome.stdout
    if outcome.returncode not in allowed or text not in said:
        command = " ".join(words)[:150]
        expected = f"{status} and '{text}'"
        raise Violation(f"vecdb {command} ended with {outcome.returncode}, expected {expected}: {said.strip()[:300]}")
    if outcome.returncode not in (0, 4) and not outcome.stderr.strip():
        raise Violation(f"vecdb {words[0]} ended with {outcome.returncode} and said nothing")
    return outcome.stdout


def query_words(database: "Path | str") -> list[str]:
    return ["query", str(database), "--query-id", "0", "-k", "5", "--with-metadata", "--format", "ndjson"]


def verify_words(database: "Path | str") -> list[str]:
    return ["verify", str(database), "--deep", "--progress", "never"]


def readers(database: "Path | str") -> list[list[str]]:
    return [query_words(database), verify_words(database), ["inspect", str(database)]]


def _readers_work(section: Section, world: World, database: Path, origin: Path, **how: object) -> None:
    expected = world.succeed(query_words(origin))
    if expect(section, world, query_words(database), 0, **how) != expected:
        raise Violation("other answers than the original's")
    expect(section, world, verify_words(database), 0, **how)
    expect(section, world, ["inspect", str(database)], 0, **how)


@contextmanager
def _mounted(world: World) -> Iterator["Path | None"]:
    """A file system of its own; None where this user may not mount."""
    place = world.new_place("medium")
    if subprocess.run(["mount", "-t", "tmpfs", "vecdb", str(place)], capture_output=True).returncode != 0:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _read_only_medium(world: World, section: Section) -> None:
    """Readers work and write nothing; writers say what is in their way; a pending recovery is not read over."""
    origin = world.database("tree-dot")
    with _mounted(world) as place:
        if place is None:
            section.figures["skipped"] = "no right to mount"
            return
        database = place / "movies.vecdb"
        shutil.copytree(origin, database)
        crashed = place / "crashed.vecdb"
        shutil.copytree(origin, crashed)
        _leave_hot_journal(crashed)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        _readers_work(section, world, database, origin)
        for words in _writers(world, database):
            expect(section, world, words, 1, "read-only")
        for words in (query_words(crashed), verify_words(crashed)):
            expect(section, world, words, 4, "journal")
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        _readers_work(section, world, crashed, origin)


def _writers(world: World, database: Path) -> list[list[str]]:
    """Commands that replace, make and change a database."""
    tune = ["tune", str(database), "--queries", f"{world.input('a')}.queries.npy", "--target-recall", "0.5", "-k", "3"]
    return [world.build_words(database, "tree-dot"), world.build_words(database.parent / "new.vecdb", "tree-dot"), tune]


def _leave_hot_journal(database: Path) -> None:
    """What a writer leaves that is killed in the middle of a commit."""
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size=1'); c.execute('BEGIN IMMEDIATE')\n"
        "c.execute(\"UPDATE setting SET value = 'x', crc = 0\"); c.execute('CREATE TABLE big(a)')\n"
        "c.execute('INSERT INTO big VALUES (zeroblob(200000))')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run(["python3", "-c", script, str(database / "catalog.sqlite")])
    journal = database / "catalog.sqlite-journal"
    if not journal.exists() or journal.stat().st_size == 0:
        raise HarnessError("no journal was left")


def _read_only_user(world: World, section: Section) -> None:
    """A user who may read and not write."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        section.figures["skipped"] = "needs root and setpriv"
        return
    origin = world.database("tree-dot")
    database = world.copy(origin)
    for path in (world.path, database.parent):
        path.chmod(0o755)
    become = f'set -- setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups "$@"'
    _readers_work(section, world, database, origin, limits=become)
    for words in _writers(world, database):
        expect(section, world, words, 1, "ermission", limits=become)
    for name in ("catalog.sqlite", segment_of(database).name):
        (database / name).chmod(0o600)
        expect(section, world, query_words(database), 1, "", limits=become)
        (database / name).chmod(0o644)
    database.chmod(0o700)
    expect(section, world, query_words(database), 1, "ermission", limits=become)


def _network(world: World, section: Section) -> None:
    """The library is told that everything lies on NFS: readers work, writers refuse unless forced."""
    library = compiled(Path(__file__).with_name("statfs.c"), world.path)
    how = {"env": os.environ | {"LD_PRELOAD": str(library)}}
    origin = world.database("tree-dot")
    database = world.copy(origin)
    _readers_work(section, world, database, origin, **how)
    forced = ["--allow-network-file-system"]
    for words in _writers(world, database):
        expect(section, world, words, 1, "network file system (NFS)", **how)
        expect(section, world, words + forced, 0, **how)


def _descriptors(world: World, section: Section) -> None:
    """Every limit from hardly any to enough: an error that says so, or success; afterwards the database is whole."""
    origin = world.database("tree-dot")
    database = world.copy(origin)
    answers = world.succeed(query_words(origin))
    for limit in world.some(range(4, 40), 6):
        for words in (*readers(database), world.build_words(database, "tree-dot")):
            output = expect(section, world, words, (0, 1), limits=f"ulimit -n {limit}")
            if words[0] == "query" and output not in ("", answers):
                raise Violation(f"other answers with {limit} descriptors")
    expect(section, world, verify_words(database), 0)


def _memory(world: World, section: Section) -> None:
    """Little memory: the process may end, as every Swift program does; nothing that was committed suffers."""
    origin = world.database("tree-dot")
    database = world.copy(origin)
    answers = world.succeed(query_words(origin))
    for mebibytes in world.some((16, 64, 80, 84, 88, 92, 96, 104, 112, 128, 160, 192, 256, 512, 1024), 3):
        for words in (query_words(database), verify_words(database), world.build_words(database, "tree-dot")):
            limits = f'ulimit -c 0; ulimit -v {mebibytes << 10}; set -- timeout -s KILL 5 "$@"'
            outcome = world.run(words, limits=limits)
            section.count("commands")
            if outcome.returncode == -9 and mebibytes < 128:
                # libdispatch waits for memory, as long as there is none: within a few MiB of what the libraries take.
                section.count("waited for memory")
                continue
            section.count("succeeded" if outcome.returncode == 0 else "ended for want of memory")
            if words[0] == "query" and outcome.returncode == 0 and outcome.stdout != answers:
                raise Violation(f"other answers with {mebibytes} MiB")
            if mebibytes >= 512 and outcome.returncode != 0:
                raise Violation(f"{words[0]} does not do with {mebibytes} MiB: {outcome.stderr.strip()}")
    expect(section, world, verify_words(database), 0)
    _readers_work(section, world, database, origin)


def _kinds(world: World, section: Section) -> None:
    """Links, directories, pipes, sockets and devices where files of a database should be: refused, and nobody waits."""
    origin = world.database("tree-dot")
    for name in ("catalog.sqlite", "segment", "lock"):
        for kind, make in KINDS.items():
            database = world.copy(origin)
            path = segment_of(database) if name == "segment" else database / name
            kept = database.parent / "kept"
            path.rename(kept)
            make(path, kept)
            touches = (name != "lock", name != "lock", name != "segment")
            commands = (query_words(database), verify_words(database), world.build_words(database, "tree-dot"))
            for words, is_touched in zip(commands, touches):
                before = kept.read_bytes()
                status = (1, 3, 4) if is_touched and kind != "hard link" else (0, 1, 4)
                expect(section, world, words, status)
                if kind != "hard link" and kept.read_bytes() != before:
                    raise Violation(f"vecdb {words[0]} changed what the {kind} {name} leads to")
            world.discard(database)
    for kind, make in KINDS.items():
        if kind in ("link", "hard link", "directory"):
            continue  # a link to a database is one; an empty directory is none
        place = world.new_place("kinds") / "movies.vecdb"
        make(place, origin)
        for words in (*readers(place), world.build_words(place, "tree-dot")):
            expect(section, world, words, (1, 3, 4))


def _socket(path: Path, _: Path) -> None:
    os.mknod(path, 0o140644)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "link": lambda path, kept: path.symlink_to(kept),
    "link to nowhere": lambda path, _: path.symlink_to("nowhere"),
    "link to itself": lambda path, _: path.symlink_to(path.name),
    "link to a device": lambda path, _: path.symlink_to("/dev/zero"),
    "hard link": lambda path, kept: path.hardlink_to(kept),
    "directory": lambda path, _: path.mkdir(),
    "pipe": lambda path, _: os.mkfifo(path),
    "socket": _socket,
}


def _inputs(world: World, section: Section) -> None:
    """Devices and directories are refused; a pipe is read like a file, whoever writes into it."""
    files, place = world.input("a"), world.new_place("inputs")
    pipe = place / "pipe"
    os.mkfifo(pipe)
    (place / "directory").mkdir()
    (place / "link").symlink_to("/dev/zero")
    options = {"--vectors": [], "--ids": ["--vectors", f"{files}.npy"], "--metadata": ["--vectors", f"{files}.npy"],
               "--query-vectors": ["--vectors", f"{files}.npy"]}  # fmt: skip
    for option, others in options.items():
        for name in ("/dev/zero", "/dev/full", str(place / "directory"), str(place / "link"), str(place / "nothing")):
            words = ["build", str(place / "new.vecdb"), option, name, *others, "--progress", "never"]
            expect(section, world, words, (1, 2, 3), limits="ulimit -f 100000")
    words = ["build", str(place / "piped.vecdb"), "--vectors", str(pipe), "--input-format", "npy"]
    threading.Thread(target=lambda: pipe.write_bytes(Path(f"{files}.npy").read_bytes()), daemon=True).start()
    expect(section, world, words, 0)
    if any(path.name.startswith(".new") for path in place.iterdir()):
        raise Violation("a refused build left something behind")


def _names(world: World, section: Section) -> None:
    """Paths that shells, URIs and SQLite read in ways of their own."""
    place = world.new_place("names")
    files = world.input("a")
    names = ["a b", "a'b", 'a"b', "a\nb", "a\tb", "a%41b", "a?mode=memory", "a#b", "file:a", ":memory:", "-", "--help", "é",
             "電影", "a;b", "a&b", "$HOME", "*", "\\", "a\x01b", ".hidden", "x" * 200, "a.vecdb-journal"]  # fmt: skip
    for name in world.some(names, 4):
        for path in (str(place / name), f"{place}/{name}/", name):
            words = ["build", "--vectors", f"{files}.npy", "--overwrite", "--progress", "never", "--", path]
            expect(section, world, words, 0, cwd=place)
            expect(section, world, ["query", "-k", "1", "--vector", str([1] * 16), "--", path], 0, cwd=place)
            expect(section, world, ["verify", "--deep", "--progress", "never", "--", path], 0, cwd=place)
        found = sorted(path.name for path in place.iterdir())
        if found != [name] or sorted(path.suffix for path in (place / name).iterdir())[1:] != [".sqlite", ".vseg"]:
            raise Violation(f"a database named {name!r} left {found}")
        shutil.rmtree(place / name)
    for name in ("", ".", "..", "x" * 201, "x" * 300, "a" * 5000):
        words = ["build", "--vectors", f"{files}.npy", "--progress", "never", "--", name]
        expect(section, world, words, (1, 3), cwd=place)
    if list(place.iterdir()):
        raise Violation("a refused name left something behind")


def _open_to_everybody(world: World, section: Section) -> None:
    """A directory that everybody may write to is used as ever, and verify says what that means."""
    origin = world.database("tree-dot")
    database = world.copy(origin)
    for mode, is_noted in ((0o777, True), (0o772, True), (0o1777, True), (0o775, False), (0o755, False)):
        database.chmod(mode)
        _readers_work(section, world, database, origin)
        said = expect(section, world, [*verify_words(database), "--json"], 0)
        if ("everybody" in said) != is_noted:
            raise Violation(f"verify of a directory of mode {mode:o} says: {said}")
    expect(section, world, world.build_words(database, "tree-dot"), 0)


def _copied(world: World, section: Section) -> None:
    """Copies made with cp while a writer is at work: the old state, the new one, or an error; never anything else."""
    database = world.copy(world.database("tree-dot"))
    answers = {world.succeed(query_words(world.database("tree-dot", name))) for name in ("a", "b")}
    for turn, _ in enumerate(world.some(range(BUILDS), 10)):
        words = world.build_words(database, "tree-dot", "ba"[turn % 2])
        with subprocess.Popen([str(world.vecdb), *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as writer:
            while writer.poll() is None:
                copy = world.new_place("copy") / "movies.vecdb"
                subprocess.run(["cp", "-r", str(database), str(copy)], stderr=subprocess.DEVNULL)
                outcome = world.run(query_words(copy))
                section.count("copies")
                if outcome.returncode == 0 and outcome.stdout not in answers:
                    raise Violation(f"a copy answers neither as before nor as after: {outcome.stdout[:200]}")
                if outcome.returncode not in (0, 3, 4):
                    raise Violation(f"a copy ended with {outcome.returncode}: {outcome.stderr.strip()}")
                section.count("whole" if outcome.returncode == 0 else "refused")
                world.discard(copy)
            if writer.returncode != 0:
                raise Violation(f"the writer ended with {writer.returncode}")
