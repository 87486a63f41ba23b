"""A moved or copied `mlruns` finds its artifacts again.

MLflow stores where artifacts lie as absolute paths in its database. Here they are rewritten when
they point at another place than the folder beside that database:

    python -m facette.registry.anchor mlruns/mlflow.db mlruns/artifacts
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

PATHS = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("experiments", "artifact_location"),
)


def reanchor(database: str | Path, artifacts: str | Path) -> int:
    """Point every experiment of a SQLite store at its folder in `artifacts`; says how many moved.

    Left alone: experiments already there, those kept under a folder of another name, and those
    whose folder exists only where the database says. Nothing is written when nothing moved.
    Raises sqlite3.Error for a file that is no database or can't be written.
    """
    database, artifacts = Path(database), Path(artifacts).resolve()
    if not database.is_file():
        return 0
    with closing(sqlite3.connect(database, timeout=30)) as store:
        moved = [(old, new) for old in _locations(store) if (new := _here(old, artifacts)) != old]
        with store:
            for old, new in moved:
                _rewrite(store, old, new)
    return len(moved)


def _locations(store: sqlite3.Connection) -> list[str]:
    if not store.execute("select 1 from sqlite_master where name = 'experiments'").fetchone():
        return []
    rows = store.execute("select distinct artifact_location from experiments")
    return [location for (location,) in rows if location and "://" not in location]


def _here(location: str, artifacts: Path) -> str:
    old, new = Path(location), artifacts / Path(location).name
    ours = old.parent.name == artifacts.name
    return str(new) if ours and (new.exists() or not old.exists()) else location


def _rewrite(store: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in PATHS:
        store.execute(
            f"update {table} set {column} = ? || substr({column}, ?)"
            f" where {column} = ? or substr({column}, 1, ?) = ?",
            (new, len(old) + 1, old, len(old) + 1, old + "/"),
        )


if __name__ == "__main__":
    reanchor(*sys.argv[1:])
