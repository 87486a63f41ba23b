"""Files that come inside an installed package, found without importing it."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from facette.errors import BadInput


def installed_file(package: str, name: str) -> Path:
    """Path of the file called `name` that the distribution `package` installed.

    Raises:
        BadInput: the package, or the file in it, is absent.
    """
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        raise BadInput(
            f"the package {package} is not installed, and {name} comes with it: "
            f"run 'make setup' or 'pip install {package}'"
        ) from None
    for entry in listed:
        path = Path(str(entry.locate()))
        if entry.name == name and path.is_file():
            return path
    raise BadInput(f"{name} is missing from the installed package {package}: reinstall {package}")


def located(package: str, name: str, folder: str | None) -> Path:
    """The file `name` in `folder` where one is configured (`data.path`), else in the package.

    Raises:
        BadInput: there is no such file.
    """
    if folder is None:
        return installed_file(package, name)
    path = Path(folder) / name
    if not path.is_file():
        raise BadInput(f"data.path: {path} does not exist; expected {name} in that folder")
    return path
