"""The line files of an export: ids, metadata, held-out pairs. Each is checked as a reader would, row by row."""

import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import TrainerError

LONGEST_ID_BYTES = 1 << 20
LONGEST_DOCUMENT_BYTES = 16 << 20
DEEPEST = 64  # levels of a JSON document


def id_texts(ids: Iterable[Any], what: str) -> list[str]:
    """Ids as strings: text, UTF-8 bytes or whole numbers, also as an array or a tensor of them."""
    return [_id_text(value, f"{what}, row {row}") for row, value in enumerate(_plain(ids))]


def check_count(found: int, expected: int, what: str, of: str) -> None:
    if found != expected:
        raise TrainerError(f"{found:,} {what} for {expected:,} {of}; there must be one for each")


def check_unique(ids: Sequence[str], what: str, remedy: str) -> None:
    """Refuses repeated ids, naming the first two rows and how many repeat one."""
    first_row: dict[str, int] = {}
    repeated = [row for row, text in enumerate(ids) if first_row.setdefault(text, row) != row]
    if repeated:
        text = ids[repeated[0]]
        raise TrainerError(
            f"{what}: rows {first_row[text]} and {repeated[0]} have the same id '{text}'; "
            f"{len(repeated):,} of {len(ids):,} rows repeat an id; {remedy}"
        )


def write_ids(path: Path, ids: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(text + "\n" for text in ids)


def write_metadata(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes one JSON object a line; returns how many."""
    count = 0
    with path.open("wb") as file:
        for row in rows:
            file.write(_document(row, f"metadata, row {count}") + b"\n")
            count += 1
    return count


def write_pairs(
    path: Path, pairs: Iterable[tuple[Any, Any]], queries: Sequence[str] | None, candidates: Sequence[str]
) -> int:
    """Writes held-out pairs of a query's and a candidate's id, each of which must be known; returns how many."""
    known_queries = None if queries is None else set(queries)
    known_candidates = set(candidates)
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for pair in pairs:
            place = f"test pairs, row {count}"
            try:
                query, candidate = (_id_text(value, place) for value in _plain(pair))
            except (TypeError, ValueError) as error:
                if isinstance(error, TrainerError):
                    raise
                raise TrainerError(f"{place}: expected a query id and a candidate id, found {pair!r}") from error
            if "\t" in query:
                raise TrainerError(f"{place}: the query id {query!r} holds a tab, which separates the two ids")
            if known_queries is not None and query not in known_queries:
                raise TrainerError(f"{place}: '{query}' is none of the {len(known_queries):,} query ids")
            if candidate not in known_candidates:
                raise TrainerError(
                    f"{place}: '{candidate}' is none of the candidates' ids and could never be found; leave the pair out"
                )
            file.write(f"{query}\t{candidate}\n")
            count += 1
    return count


def _plain(values: Iterable[Any]) -> Iterable[Any]:
    """Arrays and tensors as Python values, anything else as it is."""
    for convert in ("numpy", "tolist"):
        if hasattr(values, convert):
            values = getattr(values, convert)()
    return values


def _id_text(value: Any, place: str) -> str:
    value = _plain(value)
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise TrainerError(f"{place}: the id {value!r} is not UTF-8") from error
    elif not isinstance(value, str):
        try:
            if isinstance(value, bool):
                raise TypeError
            value = str(operator.index(value))
        except TypeError:
            raise TrainerError(f"{place}: expected text or a whole number as id, found {value!r}") from None
    _check_id(value, place)
    return value


def _check_id(text: str, place: str) -> None:
    """What a line of an id file cannot hold."""
    for character, name in (("\n", "a line end"), ("\0", "a NUL")):
        if character in text:
            raise TrainerError(f"{place}: the id {text!r} holds {name}, which an id file cannot; replace it")
    if text.endswith("\r"):
        raise TrainerError(f"{place}: the id {text!r} ends with a carriage return, which readers take for the line's end")
    if text.startswith("\ufeff"):
        raise TrainerError(f"{place}: the id {text!r} begins with a byte order mark, which readers skip; remove it")
    try:
        byte_count = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise TrainerError(f"{place}: the id {text!r} is not valid Unicode") from error
    if byte_count > LONGEST_ID_BYTES:
        raise TrainerError(f"{place}: the id has {byte_count:,} bytes; at most {LONGEST_ID_BYTES:,} are possible")


def _document(row: Any, place: str) -> bytes:
    """The row as a line of JSON."""
    if not isinstance(row, Mapping):
        raise TrainerError(f"{place}: expected a dictionary, found {type(row).__name__}")
    document = _jsonable(row, place, levels=1)
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise TrainerError(f"{place}: a string is not valid Unicode: {error.object[error.start:error.end]!r}") from error
    except ValueError as error:
        raise TrainerError(f"{place}: JSON has no NaN and no infinity; leave the value out or make it None") from error
    if len(text) > LONGEST_DOCUMENT_BYTES:
        raise TrainerError(f"{place}: {len(text):,} bytes as JSON; at most {LONGEST_DOCUMENT_BYTES:,} are possible")
    return text


def _jsonable(value: Any, place: str, levels: int) -> Any:
    """`value` with arrays, array scalars and bytes as what JSON knows."""
    if levels > DEEPEST + 1:
        raise TrainerError(f"{place}: more than {DEEPEST} levels")
    value = _plain(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TrainerError(f"{place}: expected text as key, found {key!r}")
        return {key: _jsonable(item, place, levels + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item, place, levels + 1) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TrainerError(f"{place}: JSON has nothing for {value!r} of type {type(value).__name__}")
