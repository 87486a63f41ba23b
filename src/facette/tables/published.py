"""Public data sets by name: their publisher's file, downloaded once, checked, then kept.

No publisher states a digest, so a file is known by its figures: its rows, how many customers, what
a column adds up to. What arrives is refused unless they agree. It is made ready in a folder of its
own beside its place, `<file>.….part`, and moved there whole: nothing half-written, and nothing
else than expected, ever stands under the final name. Two runs at once don't disturb each other.
"""

from __future__ import annotations

import errno
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from importlib.metadata import version
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from urllib import request
from urllib.error import HTTPError, URLError
from zipfile import BadZipFile, ZipFile

import polars as pl
from tqdm import tqdm

from facette.errors import BadInput
from facette.settings.data import Published
from facette.tables.opening import AS_WRITTEN
from facette.wording import listed, nearest

FOLDER = Path("data/raw")  # in the working directory
LARGEST_BYTES = 2 * 1024**3  # of a download, and of a member that is unpacked
BLOCK_BYTES = 1 << 16
TIMEOUT_S = 20.0  # without a sign of the server
LONGEST_S = 3600.0  # for a whole download
TRIES = 3
PAUSE_S = 1.0
BAR_AFTER_S = 2.0

UNSOUND = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
UNSOUND_ERRNOS = (None, errno.EINVAL)  # what a zip that points outside itself gives, not the disk


class _Cut(Exception):
    """The connection failed in a way that another try may mend."""


@dataclass(frozen=True)
class _Figure:
    """A figure that was found, told in words, and whether it is the known one."""

    found: str
    known: str
    agrees: bool


def published_file(published: Published, name: str, opened: Callable[[Path], pl.LazyFrame]) -> Path:
    """The publisher's file at `data/raw/<name>/<file>`, downloaded when it is absent.

    `opened` reads a file of its kind; what arrived is kept only if its figures are the known ones.

    Raises:
        BadInput: the file can't be had, is not what is known, or can't be written.
    """
    kept = FOLDER / name / published.file
    if kept.is_file():
        return kept
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(".part", f"{published.file}.", kept.parent) as workshop:
            _arrived(published, Path(workshop), opened).replace(kept)
    except OSError as error:
        raise BadInput(
            f"{kept} cannot be written: {error.strerror or error}; make room for it, "
            f"start from another folder, or {_remedy(published)}"
        ) from None
    return kept


def checked_figures(
    frame: pl.DataFrame | pl.LazyFrame, published: Published, where: str
) -> list[str]:
    """How rows, distinct values and sums compare with the known ones, as sentences on `where`.

    One sentence, `<where>: as published: …`, when all agree, else one for each that differs.
    """
    figures = _figures(frame.lazy(), published)
    differing = [f"{where}: {f.found} where {f.known}" for f in figures if not f.agrees]
    return differing or [f"{where}: as published: {', '.join(f.found for f in figures)}"]


def renamed(frame: pl.LazyFrame, published: Published) -> pl.LazyFrame:
    """Headings of other editions (`also_called`) renamed to the ones the configuration uses."""
    present = frame.collect_schema().names()
    names = {}
    for heading, others in published.also_called.items():
        found = [other for other in others if other in present]
        if found and heading not in present:
            names[found[0]] = heading
    written = {f"{AS_WRITTEN}{old}": f"{AS_WRITTEN}{new}" for old, new in names.items()}
    return frame.rename(names | {old: new for old, new in written.items() if old in present})


def _figures(frame: pl.LazyFrame, published: Published) -> list[_Figure]:
    """The known figures beside those of the frame, found in one pass over it."""
    frame = renamed(frame, published)
    present = frame.collect_schema().names()
    distinct = [column for column in published.distinct if column in present]
    summed = [column for column in published.sums if column in present]
    found = frame.select(
        pl.len().alias("rows"),
        *(pl.col(c).drop_nulls().n_unique().alias(f"distinct {c}") for c in distinct),
        *(pl.col(c).cast(pl.Float64, strict=False).sum().alias(f"sum {c}") for c in summed),
    )
    row = found.collect(engine="streaming").row(0, named=True)
    return [
        _rows(row["rows"], published.rows),
        *(_distinct(row[f"distinct {c}"], published.distinct[c], c) for c in distinct),
        *(_sum(row[f"sum {c}"], published.sums[c], c, published.tolerance) for c in summed),
        *_missing(published, present),
    ]


def _rows(found: int, known: list[int]) -> _Figure:
    least, most = known
    told = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return _Figure(f"{found:,} rows", f"{told} are known", least <= found <= most)


def _distinct(found: int, known: int, column: str) -> _Figure:
    return _Figure(f"{found:,} different {column}", f"{known:,} are known", found == known)


def _sum(found: float, known: float, column: str, tolerance: float) -> _Figure:
    agrees = abs(found - known) <= tolerance * abs(known)
    return _Figure(f"{_plain(found)} as the sum of {column}", f"{_plain(known)} is known", agrees)


def _missing(published: Published, present: list[str]) -> list[_Figure]:
    asked = dict.fromkeys([*published.distinct, *published.sums])
    return [
        _Figure(f"no column {column}", f"one is known{nearest(column, present)}", False)
        for column in asked
        if column not in present
    ]


def _plain(number: float) -> str:
    return f"{number:,.4f}".rstrip("0").rstrip(".")


def _arrived(
    published: Published, workshop: Path, opened: Callable[[Path], pl.LazyFrame]
) -> Path:  # fmt: skip
    """The file as it will be kept, in the workshop: downloaded, unpacked and checked."""
    path = workshop / "download"
    _download(published, path)
    _check_kind(published, path)
    for member in published.member.split("!") if published.member else []:
        path = _unpacked(published, path, member)
    path = path.rename(workshop / published.file)
    _check_figures(published, path, opened)
    return path


def _download(published: Published, target: Path) -> None:
    """Fetch the file, again after a failed connection, at most `TRIES` times."""
    if not published.url.lower().startswith(("http://", "https://")):
        raise _refusal(published, "is no http or https address")
    for tried in range(1, TRIES + 1):
        try:
            return _stream(published, target)
        except _Cut as cut:
            if tried == TRIES:
                reason = f"cannot be downloaded: {cut} (tried {TRIES} times)"
                raise _refusal(published, reason) from None
            time.sleep(PAUSE_S)


def _stream(published: Published, target: Path) -> None:
    end = time.monotonic() + LONGEST_S
    with _network(published):
        answer = _opener().open(_asking(published.url), timeout=TIMEOUT_S)
    arrived, announced = 0, answer.length
    with answer, target.open("wb") as file, _bar(published, announced) as bar:
        while block := _next_block(published, answer):
            arrived += len(block)
            _check_bounds(published, max(arrived, announced or 0), end)
            file.write(block)
            bar.update(len(block))
    if announced is not None and arrived < announced:
        raise _Cut(f"only {arrived:,} of {announced:,} bytes came")


def _asking(url: str) -> request.Request:
    return request.Request(url, headers={"User-Agent": f"facette/{version('facette')}"})


def _opener() -> request.OpenerDirector:
    """What speaks http and https, through proxies and redirects, and nothing else."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler, request.UnknownHandler,
        request.HTTPRedirectHandler, request.HTTPDefaultErrorHandler, request.HTTPErrorProcessor,
    ):  # fmt: skip
        opener.add_handler(handler())
    return opener


def _next_block(published: Published, answer: HTTPResponse) -> bytes:
    with _network(published):
        return answer.read1(BLOCK_BYTES)


@contextmanager
def _network(published: Published) -> Iterator[None]:
    """Errors of the network in our words, told from those of the disk."""
    try:
        yield
    except HTTPError as error:
        with error:
            reason = f"cannot be downloaded: HTTP status {error.code} {error.reason}"
            raise _refusal(published, reason) from None
    except (OSError, HTTPException) as error:
        raise _Cut(_reason(error)) from None
    except ValueError as error:
        raise _refusal(published, f"is no address that can be asked: {error}") from None


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no sign of the server within {TIMEOUT_S:g} s"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no connection: {cause.strerror}"
    return f"the connection failed: {str(cause) or type(cause).__name__}"


def _bar(published: Published, announced: int | None) -> tqdm:
    """A bar of bytes, on a terminal, for what takes longer than a moment."""
    return tqdm(
        desc=f"downloading {published.file}", total=announced, unit="B", unit_scale=True,
        delay=BAR_AFTER_S, disable=None, leave=False,
    )  # fmt: skip


def _check_bounds(published: Published, size: int, end: float) -> None:
    if size > LARGEST_BYTES:
        raise _refusal(published, f"gave more than {LARGEST_BYTES:,} bytes")
    if time.monotonic() > end:
        raise _refusal(published, f"took longer than {LONGEST_S:g} s")


def _check_kind(published: Published, path: Path) -> None:
    """Refuse what a portal or a moved address gives in place of a table or an archive."""
    with path.open("rb") as file:
        start = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise _refusal(published, "gave an empty file")
    if start.startswith(b"<"):
        raise _refusal(published, f"gave a web page in place of {published.file}")


def _unpacked(published: Published, archive: Path, member: str) -> Path:
    """The one member that is wanted, beside its archive under a name of ours."""
    target = archive.with_name(f"{archive.name}-unpacked")
    try:
        with ZipFile(archive) as packed:
            _check_member(published, packed, member)
            with packed.open(member) as source, target.open("wb") as file:
                copyfileobj(source, file)
    except (*UNSOUND, OSError) as error:
        if isinstance(error, OSError) and error.errno not in UNSOUND_ERRNOS:
            raise
        raise _refusal(published, f"gave no sound zip with {member}: {error}") from None
    return target


def _check_member(published: Published, packed: ZipFile, member: str) -> None:
    names = packed.namelist()
    if member not in names:
        raise _refusal(published, f"gave a zip without {member}: it holds {listed(names)}")
    # What is read of a member ends at the size that is stated here, whatever it would unpack to.
    if packed.getinfo(member).file_size > LARGEST_BYTES:
        raise _refusal(published, f"gave {member} with more than {LARGEST_BYTES:,} bytes")


def _check_figures(
    published: Published, path: Path, opened: Callable[[Path], pl.LazyFrame]
) -> None:  # fmt: skip
    try:
        figures = _figures(opened(path), published)
    except (pl.exceptions.PolarsError, BadInput, OSError, ValueError) as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise _refusal(published, f"gave a file that cannot be read: {told}") from None
    differing = [f"{figure.found} where {figure.known}" for figure in figures if not figure.agrees]
    if differing:
        raise _refusal(published, f"gave {', '.join(differing)}")


def _refusal(published: Published, what: str) -> BadInput:
    told = f"{published.url} {what}; nothing was kept: {_remedy(published)}"
    return BadInput(" ".join(told.split()))


def _remedy(published: Published) -> str:
    unpacking = f", unpack {published.file}" if published.member else ""
    return f"download it yourself{unpacking} and set data.path=…/{published.file}"
