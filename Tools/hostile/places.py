"""What lies beside a catalog, and directories that are swapped while a command is at work."""

import argparse
import fcntl
import os
import shutil
import signal
import sqlite3
import stat
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiment.errors import HarnessError, Violation
from experiment.report import Section, sections_of
from experiment.segment_image import segment_of

from .environment import KINDS, NOBODY, expect, readers, verify_words
from .environment import query_words as default_query
from .world import World

CATALOG, JOURNAL = "catalog.sqlite", "catalog.sqlite-journal"
# Names that SQLite or vecdb may look at, and some that neither should.
BESIDE = (JOURNAL, f"{CATALOG}-wal", f"{CATALOG}-shm", f"{CATALOG}-mj01234567", f"{JOURNAL}-mj0", ".scratch-1", "x")
MAGIC = bytes.fromhex("d9d505f920a163d7")
# Calls of a command at which it is stopped, and the first of each that are tried.
STOPS = {"openat": 60, "fsync": 40, "fdatasync": 40, "unlink": 20, "unlinkat": 20, "pwrite64": 40, "flock": 8}


def run_places(world: World, arguments: argparse.Namespace) -> list[Section]:
    scenarios: dict[str, Callable[[World, Section], None]] = {
        "names-beside": _names_beside,
        "siblings": _siblings,
        "super-journals": _super_journals,
        "foreign-journals": _foreign_journals,
        "restored-backups": _restored_backups,
        "swapped-while-waiting": _swapped_while_waiting,
        "swapped-anywhere": _swapped_anywhere,
        "held-locks": _held_locks,
        "modes-and-owners": _modes_and_owners,
    }
    return sections_of("places", scenarios, world, arguments)


def _commands(world: World, database: Path) -> list[list[str]]:
    return [*readers(database), _tune(world, database), world.build_words(database, "tree-dot", "b")]


def _tune(world: World, database: Path) -> list[str]:
    queries = f"{world.input('a')}.queries.npy"
    return ["tune", str(database), "--queries", queries, "--target-recall", "0.5", "-k", "3", "--lock-timeout", "60"]


def query_words(database: Path) -> list[str]:
    """A query whose answers do not depend on the settings that a tuning stores."""
    return [*default_query(database), "--leaves-to-search", "8", "--reorder", "300"]


def _contents(directory: Path) -> dict[str, bytes]:
    """The files, but for the lock's text."""
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.name != "lock" and stat.S_ISREG(path.lstat().st_mode)
    }


def _names_beside(world: World, section: Section) -> None:
    """Every kind of file under every name: nobody waits, follows it, or changes what it leads to."""
    origin = world.database("tree-dot")
    for name in BESIDE:
        for kind, make in KINDS.items():
            database = world.copy(origin)
            kept = database.parent / "kept"
            kept.write_bytes(bytes(5_000))
            make(database / name, kept)
            before = _contents(database)
            for words in _commands(world, database):
                is_refused = name in (JOURNAL, f"{CATALOG}-wal")
                expect(section, world, words, 4 if is_refused else 0)
                if kept.read_bytes() != bytes(5_000):
                    raise Violation(f"vecdb {words[0]} changed what the {kind} {name} leads to")
                if is_refused and _contents(database) != before:
                    raise Violation(f"vecdb {words[0]} changed a database with a {kind} as {name}")
            world.discard(database)


def _siblings(world: World, section: Section) -> None:
    """Every kind of file where builds leave their unfinished directories, and in one of them."""
    origin = world.database("tree-dot")
    for kind, make in KINDS.items():
        for inner in (None, "lock", CATALOG, "x"):
            database = world.copy(origin)
            sibling = database.parent / f".{database.name}.building-0123456789abcdef"
            kept = database.parent / "kept"
            kept.write_bytes(b"kept")
            if inner:
                sibling.mkdir()
                make(sibling / inner, kept)
            else:
                make(sibling, kept)
            for words in (world.build_words(database, "tree-dot"), world.build_words(database.parent / "new", "tree-dot")):
                expect(section, world, words, 0)
            if kept.read_bytes() != b"kept":
                raise Violation(f"what a {kind} in a sibling leads to was changed")
            world.discard(database)


# Journals. SQLite's documentation, "Database File Format", section 4.1.


def _header(pages: int, page_size: int = 4096) -> bytes:
    return (MAGIC + struct.pack(">IIIII", 0, 0, pages, 512, page_size)).ljust(512, b"\0")


def _super_journals(world: World, section: Section) -> None:
    """A journal that names a file for SQLite to remove: every command refuses it, and the file stays."""
    origin = world.database("tree-dot")
    pages = (origin / CATALOG).stat().st_size // 4096
    for start in (_header(pages), bytes(512), b"", b"x" * 600):
        for content in (b"", b"/nonexistent-journal\0", bytes(100)):
            database = world.copy(origin)
            victim = database.parent / "victim"
            victim.write_bytes(content)
            name = str(victim).encode()
            total = sum(name) % (1 << 32)
            trailer = struct.pack(">I", 0x4000_0000 // 4096 + 1) + name + struct.pack(">II", len(name), total) + MAGIC
            (database / JOURNAL).write_bytes(start + trailer)
            before = _contents(database)
            for words in _commands(world, database):
                expect(section, world, words, 4, "super-journal")
                if not victim.exists() or _contents(database) != before:
                    raise Violation(f"vecdb {words[0]} removed the file that a journal names, or changed the database")
            world.discard(database)


def _hot_journal(database: Path, *statements: str) -> bytes:
    """The journal of a change to a copy of the catalog that was not committed."""
    copy = database.parent / "copy.sqlite"
    shutil.copy(database / CATALOG, copy)
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute("PRAGMA cache_size=1")
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*statements, "CREATE TABLE big(a)", "INSERT INTO big VALUES (zeroblob(200000))"):
        connection.execute(statement)
    journal = Path(f"{copy}-journal").read_bytes()
    connection.close()
    copy.unlink()
    if not journal.startswith(MAGIC):
        raise HarnessError("no journal was made")
    return journal


CHANGES = ("UPDATE setting SET value = value || 'x'", "UPDATE candidate_1 SET id = id || 'x'")


def _is_refused(
    world: World, section: Section, database: Path, catalog: bytes, journal: bytes, why: str = "was not made for this catalog"
) -> None:
    (database / CATALOG).write_bytes(catalog)
    (database / JOURNAL).write_bytes(journal)
    for words in _commands(world, database):
        expect(section, world, words, 4, why)
        if (database / CATALOG).read_bytes() != catalog or (database / JOURNAL).read_bytes() != journal:
            raise Violation(f"vecdb {words[0]} rolled back a journal that is none of this catalog's")


def _foreign_journals(world: World, section: Section) -> None:
    """Journals of other databases, of other page sizes and lengths: refused, and nothing is overwritten."""
    database = world.copy(world.database("tree-dot"))
    catalog = (database / CATALOG).read_bytes()
    for form, name in (("tree-dot", "b"), ("exact", "a"), ("tree-l2", "b"), ("plain", "a")):
        other = world.copy(world.database(form, name))
        for changes in (CHANGES[:1], CHANGES) if form != "plain" else (CHANGES[:1],):
            _is_refused(world, section, database, catalog, _hot_journal(other, *changes))
        world.discard(other)
    own = _hot_journal(database, *CHANGES)
    for offset, values in ((16, (0, 1, 3, 10**6)), (24, (512, 8192))):
        for value in values:
            _is_refused(world, section, database, catalog, own[:offset] + struct.pack(">I", value) + own[offset + 4 :])
    for content in (b"notes of mine\n", b"x", MAGIC[:7] + b"x" * 600, bytes([0x5A]) * 5000):
        _is_refused(world, section, database, catalog, content, "is no rollback journal")
    # The own one is rolled back: nothing was changed yet.
    (database / JOURNAL).write_bytes(own)
    expect(section, world, verify_words(database), 0)
    if (database / CATALOG).read_bytes() != catalog or (database / JOURNAL).exists():
        raise Violation("the database's own journal was not rolled back")


def _restored_backups(world: World, section: Section) -> None:
    """A backup that was restored beside the journal of a later change."""
    database = world.copy(world.database("tree-dot"))
    backup = _contents(database)
    world.succeed(world.build_words(database, "tree-dot", "b"))
    journal = _hot_journal(database, CHANGES[0])
    for path in database.glob("segment-*"):
        path.unlink()
    for name, data in backup.items():
        (database / name).write_bytes(data)
    _is_refused(world, section, database, backup[CATALOG], journal)
    (database / JOURNAL).unlink()
    expect(section, world, verify_words(database), 0)


# Directories that are swapped.


class _Pair:
    """A database at the path that commands are given, and another one to be put in its place."""

    def __init__(self, world: World):
        self.world = world
        self.live = world.copy(world.database("tree-dot", "a"))
        self.next, self.old = self.live.with_name("next"), self.live.with_name("old")
        shutil.copytree(world.database("tree-cosine", "b"), self.next)
        self.answers = {"a": world.succeed(query_words(self.live)), "b": world.succeed(query_words(self.next))}

    def swap(self) -> None:
        self.live.rename(self.old)
        self.next.rename(self.live)

    def check(self, section: Section, status: int, made: "str | None") -> None:
        """Both are whole; the answers that a build has `made` are one's if it succeeded, and nobody's if not."""
        found = []
        for database, name in ((self.old, "a"), (self.live, "b")):
            expect(section, self.world, verify_words(database), 0)
            answers = self.world.succeed(query_words(database))
            if answers not in (self.answers[name], made):
                raise Violation(f"{database.name} answers as neither it nor the build does")
            found.append(answers)
        if made is not None and found.count(made) != (status == 0):
            raise Violation(f"a build that ended with {status} is found {found.count(made)} times")

    def close(self) -> None:
        self.world.discard(self.live)


def _swapped_while_waiting(world: World, section: Section) -> None:
    """Writers that wait for the lock while the directory, the lock or the catalog is replaced."""
    for make in (lambda live: world.build_words(live, "tree-dot", "c") + ["--lock-timeout", "60"], lambda live: _tune(world, live)):
        pair = _Pair(world)
        before = _contents(pair.live), _contents(pair.next)
        with (pair.live / "lock").open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = world.start([str(world.vecdb), *make(pair.live)])
            _wait_until(lambda: _has_open(process.pid, pair.live / "lock"), process)
            pair.swap()
        outcome = world.finish(process, "vecdb")
        section.count("commands")
        if outcome.returncode != 6 or "moved or replaced" not in outcome.stderr:
            raise Violation(f"ended with {outcome.returncode}: {outcome.stderr.strip()}")
        if (_contents(pair.old), _contents(pair.live)) != before:
            raise Violation("a writer that ended with 6 has changed something")
        pair.check(section, outcome.returncode, None)
        pair.close()


def _swapped_anywhere(world: World, section: Section) -> None:
    """Commands that are stopped at their system calls one after the other, while directories are swapped."""
    if not shutil.which("strace"):
        section.figures["skipped"] = "needs strace"
        return
    probe = world.copy(world.database("tree-dot"))
    world.succeed(world.build_words(probe, "tree-dot", "c"))
    made = world.succeed(query_words(probe))
    commands = {
        "build": lambda live: world.build_words(live, "tree-dot", "c"),
        "tune": lambda live: _tune(world, live),
        "query": query_words,
        "eval": lambda live: ["eval", str(live), "--queries", f"{world.input('a')}.queries.npy", "--passes", "1"],
        "verify": verify_words,
        "inspect": lambda live: ["inspect", str(live)],
    }
    for name, words_of in commands.items():
        for call, limit in STOPS.items():
            for number in world.some(range(1, limit), 7):
                pair = _Pair(world)
                process = world.start([
                    "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                    f"inject={call}:signal=SIGSTOP:when={number}", str(world.vecdb), *words_of(pair.live),
                ])  # fmt: skip
                stopped = _stopped(process)
                if stopped is None:
                    world.finish(process, f"vecdb {name}")
                    pair.close()
                    break
                pair.swap()
                section.count("swaps")
                os.kill(stopped, signal.SIGCONT)
                outcome = world.finish(process, f"vecdb {name}")
                where = f"vecdb {name}, {call} {number}"
                if outcome.returncode not in (0, 1, 3, 4, 6) or (outcome.returncode and not outcome.stderr.strip()):
                    raise Violation(f"{where}: ended with {outcome.returncode}: {outcome.stderr.strip()}")
                section.count(f"{name} ended with {outcome.returncode}")
                if name == "query" and outcome.returncode == 0 and outcome.stdout not in pair.answers.values():
                    raise Violation(f"{where}: a mixture of two databases is answered")
                try:
                    pair.check(section, outcome.returncode, made if name == "build" else None)
                except Violation as violation:
                    raise Violation(f"{where}, which ended with {outcome.returncode}: {violation}") from None
                pair.close()


def _wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    for _ in range(6000):
        if condition():
            return
        if process.poll() is not None:
            raise Violation(f"ended with {process.returncode}, and was to wait")
        time.sleep(0.01)
    raise Violation("never came to wait")


def _has_open(process: int, path: Path) -> bool:
    links = Path(f"/proc/{process}/fd")
    return any(os.path.realpath(link) == str(path) for link in links.iterdir())


def _stopped(tracer: "subprocess.Popen[str]") -> "int | None":
    """The process under strace once it has stopped; None when it came to its end."""
    children = Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children")
    while tracer.poll() is None:
        try:
            for child in children.read_text().split():
                states = [
                    (task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{child}/task").iterdir()
                ]
                if states and all(state in "Tt" for state in states) and _has_signal(int(child)):
                    return int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.005)
    return None


def _has_signal(process: int) -> bool:
    """Whether it is stopped by a signal, and not only between two calls that strace looks at: twice in a row."""
    before = Path(f"/proc/{process}/stat").read_text()
    time.sleep(0.05)
    return Path(f"/proc/{process}/stat").read_text() == before and before.rpartition(")")[2].split()[0] in "Tt"


# Locks, modes and owners.


def _held_locks(world: World, section: Section) -> None:
    """Programs that only read can hold locks: nobody waits longer than asked for, and nobody innocent is named."""
    database = world.copy(world.database("tree-dot"))
    innocent = "pid 1 on here since yesterday, build"
    with (database / "lock").open("r+b") as lock:
        lock.seek(64)
        lock.write(innocent.encode())
    for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
        with (database / "lock").open("rb") as lock:
            fcntl.flock(lock, kind)
            words = [*world.build_words(database, "tree-dot"), "--lock-timeout", "0.1"]
            outcome = world.run(words)
            section.count("commands")
            if outcome.returncode != 6 or "yesterday" in outcome.stderr:
                raise Violation(f"ended with {outcome.returncode}: {outcome.stderr.strip()}")
            for reader in readers(database):
                expect(section, world, reader, 0)
    with segment_of(database).open("rb") as segment:
        fcntl.flock(segment, fcntl.LOCK_EX)
        for reader in readers(database)[:2]:
            expect(section, world, reader, 6, "or by another program")


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _modes_and_owners(world: World, section: Section) -> None:
    """What a writer makes is as open as the catalog, whatever its umask; a new database follows the umask."""
    for mask in (0o000, 0o022, 0o077):
        with _umask(mask):
            for mode in (0o600, 0o640, 0o660, 0o644, 0o666):
                database = world.copy(world.database("tree-dot"))
                (database / "lock").unlink()
                (database / CATALOG).chmod(mode)
                owner = (int(NOBODY), int(NOBODY)) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
                os.chown(database / CATALOG, *owner)
                expect(section, world, world.build_words(database, "tree-dot", "b"), 0)
                for path in database.iterdir():
                    status = path.stat()
                    if status.st_mode & 0o777 != mode or (status.st_uid, status.st_gid) != owner:
                        raise Violation(f"{path.name} has mode {status.st_mode & 0o777:o}, the catalog {mode:o}")
                world.discard(database)
            place = world.new_place("fresh") / "new.vecdb"
            expect(section, world, world.build_words(place, "tree-dot"), 0)
            for path in place.iterdir():
                # SQLite makes files that nobody else may write.
                allowed = (0o666 & ~mask, 0o644 & ~mask)
                if path.stat().st_mode & 0o777 not in allowed:
                    raise Violation(f"{path.name} of a new database has mode {path.stat().st_mode & 0o777:o}")
