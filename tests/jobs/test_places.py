"""A command that could not write its file is refused before it works."""

from pathlib import Path

import pytest

from facette.errors import BadInput
from facette.jobs.places import check_out


def test_a_file_of_the_right_ending_may_stand_in_a_folder_yet_to_be_made(tmp_path: Path) -> None:
    check_out(tmp_path / "new" / "scores.csv", ".csv", ".parquet")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scores.txt", "ends in .csv or .parquet"),
        ("folder.csv", "ends in .csv or .parquet"),
        ("taken/scores.csv", "taken' is no folder that can be written to"),
    ],
)
def test_what_can_not_be_written_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadInput, match=message):
        check_out(tmp_path / name, ".csv", ".parquet")
