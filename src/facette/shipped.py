"""Where the shipped configuration lies, and single files of it for use without a job."""

from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
CONF = HERE.parent / "conf" if (HERE.parent / "conf").is_dir() else HERE.parents[2] / "conf"


def shipped(name: str, schema: type, **given: Any) -> Any:
    """The settings of `conf/<name>.yaml` as an object of the schema.

    `given` are the values that the file takes from the whole configuration, the seed say.
    """
    from omegaconf import OmegaConf

    file = OmegaConf.load(CONF / f"{name}.yaml")
    whole = OmegaConf.create({**given, "own": OmegaConf.merge(OmegaConf.structured(schema), file)})
    return OmegaConf.to_object(whole.own)
