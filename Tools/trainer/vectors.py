"""Embeddings of any origin as checked rows of a .npy file, chunk by chunk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .errors import TrainerError
from .lines import id_texts

CHUNK_ROWS = 1 << 16
MOST_DIMENSIONS = 65_535
SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)  # 2⁻¹²⁶: a smaller square of a length has lost its digits
HEADER_BYTES = 128  # of the .npy file; room for any number of rows, so that it can be written again at the end


def to_array(values: Any) -> np.ndarray:
    """A NumPy array of what is one: an array, a PyTorch or TensorFlow tensor, lists of numbers."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":  # which NumPy has no type for
            values = values.float()
    if hasattr(values, "numpy"):
        values = values.numpy()
    if isinstance(values, list | tuple):
        values = [to_array(value) if hasattr(value, "detach") or hasattr(value, "numpy") else value for value in values]
    return np.asarray(values)


def batches_of(vectors: Any) -> Iterator[tuple[list[str] | None, np.ndarray]]:
    """Pairs of identifiers, when there are any, and embeddings [n, d] out of everything that holds embeddings.

    One matrix, or batches as TFRS' `index_from_dataset` takes them: an iterable of matrices or of tuples
    (identifiers, matrix). Lists of numbers and of vectors are a matrix.
    """
    if _is_matrix(vectors):
        matrix = _matrix(vectors, "vectors")
        for first in range(0, max(1, len(matrix)), CHUNK_ROWS):
            yield None, matrix[first : first + CHUNK_ROWS]
        return
    with_ids: bool | None = None
    for number, batch in enumerate(vectors):
        place = f"batch {number}"
        is_pair = isinstance(batch, tuple) and len(batch) == 2
        if with_ids is None:
            with_ids = is_pair
        if with_ids != is_pair:
            raise TrainerError(f"{place}: some batches are (identifiers, embeddings), others embeddings alone")
        if not is_pair:
            yield None, _matrix(batch, place)
            continue
        ids, matrix = id_texts(batch[0], f"{place}, ids"), _matrix(batch[1], place)
        if len(ids) != len(matrix):
            raise TrainerError(f"{place}: {len(ids):,} identifiers for {len(matrix):,} embeddings")
        yield ids, matrix


def _is_matrix(vectors: Any) -> bool:
    """Whether `vectors` is one matrix, rather than batches of rows."""
    if hasattr(vectors, "detach") or hasattr(vectors, "__array__"):
        return True
    if not isinstance(vectors, list | tuple):
        return False
    first = vectors[0] if vectors else None
    if isinstance(first, tuple) and len(first) == 2 and np.ndim(_or_none(first[1])) == 2:
        return False
    return np.ndim(_or_none(first)) < 2


def _or_none(values: Any) -> np.ndarray | None:
    try:
        return to_array(values)
    except ValueError:
        return None


def _matrix(values: Any, place: str) -> np.ndarray:
    try:
        array = to_array(values)
    except ValueError as error:
        raise TrainerError(f"{place}: {_uneven(values) or error}") from error
    if array.ndim == 2:
        return array
    if array.ndim == 1 and array.dtype == object:
        raise TrainerError(f"{place}: {_uneven(values) or 'expected numbers, found objects'}")
    hint = "; one vector is 'a.reshape(1, -1)'" if array.ndim == 1 and len(array) else ""
    raise TrainerError(f"{place}: expected rows and columns, found shape {array.shape}{hint}")


def _uneven(rows: Any) -> str | None:
    """Names the first row that is not as long as row 0."""
    lengths = [len(row) if hasattr(row, "__len__") else None for row in rows]
    for number, length in enumerate(lengths):
        if length != lengths[0]:
            return f"row {number} has {length} dimensions, row 0 has {lengths[0]}"
    return None


class VectorFile:
    """Writes a .npy file of checked rows; bytes (i1, u1) stay bytes, all else becomes f4.

    Values are refused as `vecdb build` refuses them, naming the first row and the count of bad ones within its chunk.
    """

    def __init__(self, path: Path, metric: str, what: str) -> None:
        self.rows = 0
        self.dimensions: int | None = None
        self._dtype: np.dtype | None = None
        self._metric = metric
        self._what = what
        self._file = path.open("wb")
        self._file.write(bytes(HEADER_BYTES))

    def __enter__(self) -> "VectorFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, rows: np.ndarray) -> None:
        dtype = _stored_type(rows.dtype, f"{self._what}, row {self.rows}")
        if self.dimensions is None:
            self.dimensions, self._dtype = rows.shape[1], dtype
            if not 1 <= self.dimensions <= MOST_DIMENSIONS:
                raise TrainerError(f"{self._what}: {self.dimensions} dimensions; 1 to {MOST_DIMENSIONS:,} are possible")
        if rows.shape[1] != self.dimensions:
            raise TrainerError(
                f"{self._what}, row {self.rows}: expected {self.dimensions} dimensions, found {rows.shape[1]}"
            )
        if dtype != self._dtype:
            raise TrainerError(f"{self._what}, row {self.rows}: expected {self._dtype}, found {dtype}")
        for first in range(0, len(rows), CHUNK_ROWS):
            chunk = rows[first : first + CHUNK_ROWS]
            with np.errstate(over="ignore"):
                stored = np.ascontiguousarray(chunk, dtype=self._dtype)
            self._check(chunk, stored)
            self._file.write(stored.tobytes())
            self.rows += len(chunk)

    def finish(self) -> None:
        """Writes the header, which could not be known before the last row."""
        if self.dimensions is None or self._dtype is None:
            raise TrainerError(f"{self._what}: there are none, and so no dimensions; give an array of shape (0, d)")
        text = f"{{'descr': '{self._dtype.str}', 'fortran_order': False, 'shape': ({self.rows}, {self.dimensions}), }}"
        length = HEADER_BYTES - 10
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little"))
        self._file.write(text.ljust(length - 1).encode("ascii") + b"\n")
        self._file.flush()

    def _check(self, source: np.ndarray, stored: np.ndarray) -> None:
        if stored.dtype.itemsize == 1 and self._metric != "cosine":
            return
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("ij,ij->i", stored, stored, dtype=np.float32)
        bad = ~np.isfinite(squares)
        if self._metric == "cosine":
            bad |= squares < SMALLEST_NORMAL
        if bad.any():
            row = int(bad.argmax())
            raise TrainerError(
                f"{self._what}, row {self.rows + row}: {self._reason(source[row], stored[row])}; "
                f"{np.count_nonzero(bad):,} of {len(bad):,} rows cannot be used: correct or remove them"
            )

    @staticmethod
    def _reason(source: np.ndarray, stored: np.ndarray) -> str:
        finite = np.isfinite(stored)
        if not finite.all():
            column = int((~finite).argmax())
            value = float(source[column])
            if np.isnan(value):
                return f"column {column} is NaN"
            if np.isinf(value):
                return f"column {column} is infinite"
            return f"column {column} is {value}, which is beyond a 32-bit float"
        if not stored.any():
            return "the vector is zero, which has no direction for cosine"
        if np.abs(stored).max() < 1:
            return "the vector is too short to have a direction for cosine"
        return "the sum of its squares is beyond a 32-bit float"


def _stored_type(dtype: np.dtype, place: str) -> np.dtype:
    if dtype in (np.int8, np.uint8):
        return dtype.newbyteorder("=")
    # Types of other packages, such as bfloat16, are void to NumPy but convert.
    if dtype.kind in "fiu" or dtype.name.startswith(("bfloat16", "float8")):
        return np.dtype("<f4")
    raise TrainerError(f"{place}: expected numbers, found elements of type {dtype}; save 'a.astype(\"float32\")'")
