"""`facette VERB key=value …`: picks conf/VERB.yaml and hands over to Hydra.

A user's mistake is told in one line: what, where, the nearest right name.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from facette.errors import BadInput
from facette.shipped import CONF
from facette.wording import listed

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from hydra.errors import MissingConfigException
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException
    from yaml import MarkedYAMLError  # type: ignore[import-untyped]

JOBS = "facette.jobs"

REASONS = {
    r"Value (.+) of type '\w+' could not be converted to Integer": r"\1 is not a whole number",
    r"Value (.+) of type '\w+' could not be converted to Float": r"\1 is not a number",
    r"Value (.+) is not a valid bool \(type \w+\)": r"\1 is neither true nor false",
    r"Invalid value (.+), expected one of \[(.+)\]": r"\1 is not one of: \2",
    r"Invalid type assigned: \w+ is not a subclass of \w+\. value: (.+)": (
        r"\1 stands where keys belong"
    ),
    r"Invalid value assigned: \w+ is not a ListConfig, list or tuple\.": "a list is needed, [a,b]",
    r"no viable alternative at input (.+)": r"cannot read \1",
    r"field '.+' is not Optional": "null is not allowed",
}
# verbs whose bare words are the values of a key
WORDS = {"compare": "runs"}
# keys that a user names: columns of their tables, protected attributes, capacities, models
FREE_KEYS = (
    r"(data\.\w+\.columns\.\w+|snapshot\.protected(\.\w+)?|capacity(\.\w+)?"
    r"|policy\.(capacity|chosen_profiles|effects\.assumed|acquisition_cost|hours_a_person)(\.\w+)?)$"
)
INSTANTIATION_ADVICE = ", set env var HYDRA_FULL_ERROR=1 to see chained exception"

MANY = 3  # keys without a value: an option then started from nothing
DONE, YOUR_MISTAKE, INTERRUPTED = 0, 2, 130

HELP = """\
facette VERB key=value …

{verbs}

facette VERB --help shows what a verb can be told.
Exit codes: 0 done, 2 a mistake in what was asked (told in one line), 3 the verdict asked for is
negative, 1 a fault of ours.
"""
VERB_HELP = """\
facette {verb}: {sentence}

Groups, chosen with group=option (more options from your own folder: --config-dir FOLDER)

{groups}

Keys, changed with key=value

$CONFIG
-m runs several: facette {verb} -m key=1,2     --cfg job shows the configuration without running
"""


def main(argv: list[str] | None = None) -> int:
    """Run one verb.

    Returns the exit code: 0 done, 2 the user's mistake, 130 interrupted, or what the job gives (3).
    A fault of ours is raised: Python prints it and exits with 1.
    """
    try:
        with _terminated_as_interrupted():
            return _dispatch(sys.argv[1:] if argv is None else argv)
    except BadInput as mistake:
        print(f"facette: {_line(str(mistake))}", file=sys.stderr)
        return YOUR_MISTAKE
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Who ends the process in order (SIGTERM) leaves no run open and no file half-written."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's alone
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _dispatch(args: list[str]) -> int:
    verbs = _verbs()
    if not args or args[0] in {"-h", "--help"}:
        print(_help(verbs), end="")
        return DONE
    if args[0] == "--version":
        from importlib.metadata import version

        print(f"facette {version('facette')}")
        return DONE
    # Threads that wait give their core back: small fits on a busy machine are many times quicker.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    verb, *rest = args
    if verb not in verbs:
        raise BadInput(f"no verb {verb!r}{_nearest(verb, verbs)} (facette --help lists them)")
    flags, pairs = _flags_and_pairs(rest, WORDS.get(verb))
    return _run(verb, verbs[verb], flags, [*map(_readable, pairs), *_quiet(pairs)])


def _verbs() -> dict[str, str]:
    """What each verb does: line 1 of conf/VERB.yaml, a comment; line 2 may be an example."""
    sentences = {}
    for file in sorted(CONF.glob("*.yaml")):
        first, second = (file.read_text(encoding="utf-8") + "\n\n").split("\n", 2)[:2]
        if first.startswith("# "):
            example = f"\n      {second[2:]}" if second.startswith("# facette ") else ""
            sentences[file.stem] = first[2:] + example
    return sentences


def _help(verbs: dict[str, str]) -> str:
    width = max(map(len, verbs), default=0)
    return HELP.format(verbs="\n".join(f"  {verb:{width}}  {verbs[verb]}" for verb in verbs))


class _Flags(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def _flags_and_pairs(args: list[str], key: str | None) -> tuple[list[str], list[str]]:
    """Flags with their values, and pairs; bare words are the list that `key` names, if any."""
    pairs = [arg for arg in args if "=" in arg and not arg.startswith("-")]
    flags = [arg for arg in args if arg not in pairs]
    parser = _Flags(add_help=False, allow_abbrev=False)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-h", "--help", action="store_true")
    what.add_argument("-m", "--multirun", action="store_true")
    what.add_argument("-c", "--cfg", choices=["job", "hydra", "all"])
    what.add_argument(
        "-i",
        "--info",
        nargs="?",
        choices=["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"],
    )
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("-p", "--package")
    parser.add_argument("-cd", "--config-dir")
    _, others = parser.parse_known_args(flags)
    words = [other for other in others if key and not other.startswith("-")]
    for other in others:
        if other not in words:
            raise BadInput(
                f"cannot read {other!r}; write key=value, or a flag such as -m or --cfg job"
            )
    if not words:
        return flags, pairs
    if any(pair.startswith(f"{key}=") for pair in pairs):
        raise BadInput(f"{key} is given twice: write {listed(words)} or {key}=[…]")
    told = f"{key}=[{','.join(map(_quoted, words))}]"
    return [flag for flag in flags if flag not in words], [*pairs, told]


def _readable(pair: str) -> str:
    """An override as Hydra reads it: a value outside its grammar is put in quotes."""
    key, value = pair.split("=", 1)
    if key.startswith(("+", "~")):
        raise BadInput(f"{pair!r}: keys are neither added nor removed; write {key.strip('+~')}=…")
    override = _parsed(pair) or _parsed(f"{key}={_quoted(value)}")
    if not key or override is None:
        raise BadInput(f"cannot read {pair!r}; write key=value")
    if re.match(FREE_KEYS, key):
        return f"++{override.input_line}"
    options = _groups().get(key)
    inner = key.rpartition(".")[2]
    if "." in key and "@" not in key and value in _groups().get(inner, []):
        raise BadInput(f"{key}: {inner} is a group; write {inner}@{pair}")
    if (
        options
        and not override.is_sweep_override()
        and not isinstance(override.value(), str | list)
    ):
        raise BadInput(f"{key} is a group; choose one of {', '.join(options)}, not {value!r}")
    return str(override.input_line)


def _parsed(pair: str) -> Override | None:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(pair)
    except HydraException:
        return None


def _quoted(value: str) -> str:
    """A text in quotes, backslashes doubled where a quote follows them."""
    inside = re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), value)
    return f"'{inside}'"


def _quiet(pairs: list[str]) -> list[str]:
    """Our choices among Hydra's own groups, unless the user makes them."""
    ours = {"hydra/help": "facette", "hydra/job_logging": "none", "hydra/hydra_logging": "none"}
    chosen = {pair.partition("=")[0] for pair in pairs}
    return [f"{group}={option}" for group, option in ours.items() if group not in chosen]


def _groups(folder: Path | None = None) -> dict[str, list[str]]:
    """Groups of a folder of configuration, ours by default, and their options."""
    folder, groups = folder or CONF, dict[str, list[str]]()
    for file in sorted(folder.rglob("*/*.yaml")):
        if not file.stem.endswith("_schema"):
            groups.setdefault(file.parent.relative_to(folder).as_posix(), []).append(file.stem)
    return groups


def _merged(ours: dict[str, list[str]], theirs: dict[str, list[str]]) -> dict[str, list[str]]:
    return {g: sorted({*ours.get(g, []), *theirs.get(g, [])}) for g in sorted({*ours, *theirs})}


def _run(verb: str, sentence: str, flags: list[str], pairs: list[str]) -> int:
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    _register(verb, sentence, _own_folder(flags))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, rather than print and leave
    choose = hydra.main(version_base="1.3", config_path=str(CONF), config_name=verb)
    with tempfile.TemporaryDirectory() as folder, _command_line([*flags, "--", *pairs]):
        task = _Task(JOBS, verb, folder)
        try:
            choose(task)()
        except BrokenPipeError:
            raise
        except (HydraException, OmegaConfBaseException, YAMLError, ValueError, OSError) as error:
            if task.began:
                raise
            raise BadInput(_told(error, verb)) from None
        except SystemExit as leaving:
            return int(leaving.code or DONE)
        finally:
            outcomes = task.outcomes()
            _tell(outcomes)
    codes = [outcome["code"] for outcome in outcomes]
    return YOUR_MISTAKE if YOUR_MISTAKE in codes else max(codes, default=DONE)


def _own_folder(flags: list[str]) -> Path | None:
    """The folder of more options that the user gives, as `--config-dir FOLDER` or with `=`."""
    for flag, following in pairwise([*flags, ""]):
        name, _, value = flag.partition("=")
        if name in {"-cd", "--config-dir"}:
            return Path(value or following)
    return None


def _register(verb: str, sentence: str, own: Path | None) -> None:
    from hydra.core.config_store import ConfigStore

    from facette import settings

    settings.register()
    groups = _groups() if own is None else _merged(_groups(), _groups(own))
    listed = "\n".join(f"{group}: {', '.join(options)}" for group, options in groups.items())
    template = VERB_HELP.format(
        verb=verb, sentence=sentence.replace("$", "$$"), groups=listed.replace("$", "$$")
    )
    ConfigStore.instance().store(group="hydra/help", name="facette", node={"template": template})


@contextmanager
def _command_line(args: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["facette", *args]
    try:
        yield
    finally:
        sys.argv = before


@dataclass(frozen=True)
class _Task:
    """What Hydra calls for each job, perhaps in another process: outcomes are files, therefore."""

    jobs: str
    verb: str
    folder: str

    def __call__(self, cfg: DictConfig) -> Any:
        from hydra.errors import InstantiationException

        Path(self.folder, "began").touch()
        try:
            _check(cfg, self.verb)
            result = importlib.import_module(f"{self.jobs}.{self.verb}").main(cfg)
        except BadInput as mistake:
            _leave_no_empty_folder()
            return self._note(YOUR_MISTAKE, str(mistake))
        except InstantiationException as error:
            _leave_no_empty_folder()
            return self._note(YOUR_MISTAKE, str(error).replace(INSTANTIATION_ADVICE, ""))
        self._note(result if type(result) is int else DONE)
        return result

    @property
    def began(self) -> bool:
        return Path(self.folder, "began").exists()

    def outcomes(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in sorted(Path(self.folder).glob("*.json"))]

    def _note(self, code: int, mistake: str = "") -> None:
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf

        job = HydraConfig.get().job
        alone = OmegaConf.is_missing(job, "num")
        number = 0 if alone else job.num
        if mistake and not alone:
            mistake = f"job {number} ({job.override_dirname}): {mistake}"
        outcome = json.dumps({"code": code, "mistake": mistake})
        Path(self.folder, f"{number:06}.json").write_text(outcome, encoding="utf-8")


def _leave_no_empty_folder() -> None:
    """Take back the job folder that Hydra made before the mistake was found."""
    from hydra.core.hydra_config import HydraConfig

    folder, here = Path(HydraConfig.get().runtime.output_dir), Path.cwd()
    while folder != here and here in folder.parents and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _tell(outcomes: list[dict[str, Any]]) -> None:
    for outcome in outcomes:
        if outcome["mistake"]:
            print(f"facette: {_line(outcome['mistake'])}", file=sys.stderr)


def _check(cfg: DictConfig, verb: str) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        missing = sorted(OmegaConf.missing_keys(cfg))
        OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        raise BadInput(_told(error, verb)) from None
    if missing:
        raise BadInput(_lacking(missing, verb))


def _lacking(missing: list[str], verb: str) -> str:
    """What has no value; of an option that lacks very many, what it should have started from."""
    from hydra.core.hydra_config import HydraConfig

    told, groups = [], dict[str, str]()
    for choice in HydraConfig.get().runtime.choices:
        group, _, package = choice.partition("@")
        groups[f"{package or group.replace('/', '.')}."] = group
    for package, group in sorted(groups.items(), key=lambda g: -len(g[0])):  # inner ones first
        own = [key for key in missing if key.startswith(package)]
        if len(own) > MANY:
            missing = [key for key in missing if key not in own]
            told.append(
                f"{', '.join(own[:MANY])} and {len(own) - MANY} more have no value; let your own "
                "option start, by defaults: [NAME, _self_], from one that has them: "
                f"{', '.join(_groups().get(group, []))}"
            )
    if missing:
        told.append(f"{verb} needs {' '.join(f'{key}=…' for key in missing)}")
    return "; ".join(told)


def _told(error: Exception, verb: str) -> str:
    """A mistake in the configuration in one line: what, where, the nearest right name."""
    from hydra.errors import MissingConfigException
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
    from yaml import MarkedYAMLError

    said = str(error)
    cause = error if isinstance(error, OmegaConfBaseException) else error.__context__
    if isinstance(error, MarkedYAMLError):
        return _unread(error)
    if isinstance(error, MissingConfigException):
        return _no_option(error) + _in_file(said, verb)
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return _no_key(cause, said) + _in_file(said, verb)
    if isinstance(cause, OmegaConfBaseException):
        return _wrong_value(cause) + _in_file(said, verb)
    if found := re.search(r"Could not override '(.+?)'\.", said):
        group = found[1].partition("@")[0]
        if nested := re.search(r"Did you mean to override (\S+@\S+)\?", said):
            return f"{group} stands inside another group here: write {nested[1]}=…"
        if (takers := _takers(group)) and verb not in takers:
            return f"{group} is for {', '.join(takers)}, not for {verb}{_in_file(said, verb)}"
        near = _nearest(group, (name for name in _groups() if name != found[1]))
        return f"no group {found[1]!r}{near}{_in_file(said, verb)}"
    if found := re.search(r"(?:argument|parameters) '(.+?)'", said):
        return f"{found[1]} gives several values: write key=[a,b] for a list, or add -m to run each"
    return _line(said)


def _takers(group: str) -> list[str]:
    """Verbs among whose groups, the defaults of conf/VERB.yaml, this one is."""
    entry = re.compile(rf"^ *- (?:override )?/?{re.escape(group)}:", re.MULTILINE)
    return [v for v in _verbs() if entry.search((CONF / f"{v}.yaml").read_text(encoding="utf-8"))]


def _unread(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{os.path.relpath(mark.name)}, line {mark.line + 1}: " if mark else ""
    return _line(f"{place}{error.problem or error}")


def _no_option(error: MissingConfigException) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    known = error.options or _groups().get(group, [])
    options = [other for other in known if not other.endswith("_schema")]
    return f"no {group} {option!r}{_nearest(option, options)} (there are: {', '.join(options)})"


def _no_key(cause: OmegaConfBaseException, said: str) -> str:
    found = re.search(r"Could not override '(.+?)'\.", said)
    name, inner = found[1] if found else "", str(cause.full_key)
    name = inner if not found or inner.startswith(f"{name}.") else name
    kind = "group" if "/" in name else "key"
    root = cause.parent_node._get_root()
    names = [*_groups(), *_keys(root)] if kind == "key" else list(_groups())
    siblings = ", ".join(str(key) for key in cause.parent_node if key != "hydra")
    return f"no {kind} {name!r}{_nearest(name, names) or f' (there are: {siblings})'}"


def _keys(config: DictConfig) -> Iterator[str]:
    """All dotted names of a configuration but Hydra's own."""
    from omegaconf import OmegaConf

    def under(node: Any, name: str) -> Iterator[str]:
        for key, value in node.items() if isinstance(node, dict) else ():
            yield f"{name}{key}"
            yield from under(value, f"{name}{key}.")

    plain = OmegaConf.to_container(config, resolve=False, throw_on_missing=False)
    return (name for name in under(plain, "") if name.partition(".")[0] != "hydra")


def _wrong_value(cause: OmegaConfBaseException) -> str:
    reason = str(cause).splitlines()[0]
    for pattern, words in REASONS.items():
        reason = re.sub(pattern, words, reason)
    return _line(f"{cause.full_key}: {reason}" if cause.full_key else reason)


def _in_file(said: str, verb: str) -> str:
    found = re.match(r"In '(.+?)': ", said)
    return f" (in {found[1]}.yaml)" if found and found[1] != verb else ""


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _line(text: str) -> str:
    return " ".join(text.split())
