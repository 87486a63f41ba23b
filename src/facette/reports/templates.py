"""The pages' templates, which lie beside this file."""

from pathlib import Path
from typing import Any


def filled(template: str, **shown: Any) -> str:
    """A template as HTML: every text from data escaped, a name that is not given an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**shown)
