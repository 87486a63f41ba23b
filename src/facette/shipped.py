"""Where the shipped configuration lies, and single files of it for use without a job."""

from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
CONF = HERE.parent / "conf" if (HERE.parent / "conf").is_dir() else HERE.parents[2] / "conf"


def shipped(schema: type, *names: str, **given: Any) -> Any:
    """The settings of `conf/<name>.yaml`, later files over earlier ones, as the schema has them.

    `given` are the values that the files take from the whole configuration, the seed say. A file's
    own list of defaults is not followed: name what it stands on before it.
    """
    from omegaconf import OmegaConf

    files: list[Any] = [OmegaConf.load(CONF / f"{name}.yaml") for name in names]
    for file in files:
        file.pop("defaults", None)
    own = OmegaConf.merge(OmegaConf.structured(schema), *files)
    return OmegaConf.to_object(OmegaConf.create({**given, "own": own}).own)
