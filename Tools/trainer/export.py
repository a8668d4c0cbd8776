"""Writes embeddings of any origin as an export directory that `vecdb build --from` reads. Needs NumPy alone.

    from trainer.export import write_export

    write_export("export", vectors=embeddings, ids=titles, query_vectors=users, query_ids=user_ids)

The format is described in Formats/embedding-export.md.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .arguments import DUPLICATE_IDS, METRICS
from .directory import MANIFEST, write_manifest, written_at_once
from .errors import TrainerError
from .lines import check_count, check_unique, id_texts, write_ids, write_metadata, write_pairs
from .tensor_file import read_tensor
from .vectors import VectorFile, batches_of


__all__ = ["TrainerError", "embed", "read_tensor", "write_export"]


def write_export(
    folder: str | Path,
    vectors: Any,
    *,
    ids: Iterable[Any] | None = None,
    metadata: Iterable[Mapping[str, Any]] | None = None,
    query_vectors: Any = None,
    query_ids: Iterable[Any] | None = None,
    test_pairs: Iterable[tuple[Any, Any]] | None = None,
    metric: str = "dot",
    model: str | None = None,
    duplicate_ids: str = "error",
    overwrite: bool = False,
    notes: Mapping[str, Mapping[str, Any] | Path] | None = None,
) -> None:
    """Writes the directory `folder`, all of it or nothing.

    - vectors: the candidates' embeddings: a NumPy array, lists, a PyTorch or TensorFlow tensor, the array that
      `read_tensor` finds in a .safetensors file, or batches as TFRS' `index_from_dataset` takes them: an iterable
      of embeddings or of (identifiers, embeddings), such as a `tf.data.Dataset` or what `embed` returns. Batches are
      written as they come, never held together. Bytes (i8, u8) are kept as such, all else becomes f32.
    - ids: text, UTF-8 bytes or whole numbers; not with batches that bring identifiers. Without any, a candidate's
      id is its row number.
    - metadata: a dictionary per candidate.
    - query_vectors, query_ids: the query tower as a table, given like the candidates.
    - test_pairs: held-out (query id, candidate id).
    - metric: dot, cosine or l2. model: free text about the model.
    - duplicate_ids: what a reader does when candidates share an id: error, keep-last or allow.
    - overwrite: replace an existing export; anything else is never replaced.
    - notes: further files by name, dictionaries (written as JSON) or paths to copy, which the manifest does not name.

    Raises ValueError, which names the row, for NaN, infinity, wrong dimensions, values beyond f32, zero vectors under
    cosine, ids that repeat under `error` or that no line of a file can hold, counts that differ.
    """
    _check_choice("metric", metric, METRICS)
    _check_choice("duplicate_ids", duplicate_ids, DUPLICATE_IDS)
    if query_vectors is None and query_ids is not None:
        raise TrainerError("query_ids are given without query_vectors")
    manifest: dict[str, Any] = {"metric": metric, "dimensions": 0}
    if model is not None:
        manifest["model"] = model
    with written_at_once(Path(folder), overwrite) as new:
        dimensions, candidates, known_ids = _write_table(new, "candidates", vectors, ids, metric)
        if metadata is not None:
            count = candidates.pop("count")
            check_count(write_metadata(new / "candidates.ndjson", metadata), count, "metadata rows", "vectors")
            # In the order of Formats/embedding-export.md.
            candidates |= {"metadata": "candidates.ndjson", "count": count}
        if duplicate_ids == "error":
            check_unique(known_ids, "candidates", "correct them, or choose keep-last or allow as duplicate_ids")
        manifest["dimensions"] = dimensions
        manifest["candidates"] = {**candidates, "duplicate_ids": duplicate_ids}
        known_queries = None
        if query_vectors is not None:
            found, queries, known_queries = _write_table(new, "queries", query_vectors, query_ids, metric)
            if found != dimensions:
                raise TrainerError(f"queries have {found} dimensions, candidates {dimensions}")
            check_unique(known_queries, "queries", "a query's id stands for one embedding")
            manifest["queries"] = queries
        if test_pairs is not None:
            count = write_pairs(new / "test.tsv", test_pairs, known_queries, known_ids)
            manifest["test"] = {"pairs": "test.tsv", "count": count}
        _write_notes(new, notes or {})
        write_manifest(new, manifest)


def embed(model: Callable[[Any], Any], dataset: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Batches (identifiers, embeddings) of a candidate model, such as a Keras one, over a dataset of its features.

    A dataset of batches of features, which are the identifiers then, or of tuples (identifiers, features).
    """
    for number, batch in enumerate(dataset):
        identifiers, features = batch if isinstance(batch, tuple) and len(batch) == 2 else (batch, batch)
        if isinstance(identifiers, Mapping):
            raise TrainerError(
                f"batch {number}: features that are a dictionary are no ids; map the dataset to (ids, features)"
            )
        yield identifiers, model(features)


def _write_table(
    folder: Path, name: str, vectors: Any, ids: Iterable[Any] | None, metric: str
) -> tuple[int, dict[str, Any], list[str]]:
    """Vectors and ids of candidates or queries; returns dimensions, their part of the manifest, and all ids."""
    texts: list[str] = []
    brought_ids = False
    with VectorFile(folder / f"{name}.npy", metric, name) as file:
        for batch_ids, rows in batches_of(vectors):
            file.append(rows)
            if batch_ids is not None:
                brought_ids = True
                texts += batch_ids
        file.finish()
    if brought_ids and ids is not None:
        raise TrainerError(f"{name}: ids are given, but the batches bring identifiers of their own")
    section: dict[str, Any] = {"vectors": f"{name}.npy"}
    if ids is not None:
        texts = id_texts(ids, f"{name}, ids")
    if brought_ids or ids is not None:
        check_count(len(texts), file.rows, "ids", f"vectors of {name}")
        write_ids(folder / f"{name}.ids.txt", texts)
        section["ids"] = f"{name}.ids.txt"
    else:
        texts = [str(row) for row in range(file.rows)]
    section["count"] = file.rows
    return file.dimensions or 0, section, texts


def _write_notes(folder: Path, notes: Mapping[str, Mapping[str, Any] | Path]) -> None:
    for name, content in notes.items():
        if "/" in name or name == MANIFEST or (folder / name).exists():
            raise TrainerError(f"'{name}' is no free name for a further file")
        if isinstance(content, Path):
            shutil.copyfile(content, folder / name)
        else:
            text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
            (folder / name).write_text(text + "\n", encoding="utf-8")


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise TrainerError(f"unknown {name} '{value}'; there are {', '.join(known)}")
