"""What a benchmark holds against each other: tasks with their data, panels and models.

Nothing is learnt here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

from hydra import compose
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from facette.errors import BadInput
from facette.jobs.fitness import estimator_of
from facette.models.facets import check_features, check_outcomes, potential_columns
from facette.models.folds import OUTCOMES, check_folds
from facette.models.validation import sample
from facette.ranges import check_ranges
from facette.reports.words import BASELINES
from facette.settings import Benchmark, Task, Train
from facette.settings.data import Data, EventData, Snapshot, WideData
from facette.settings.models import ChurnDefinition, ChurnModel
from facette.snapshots.instants import as_date
from facette.snapshots.panel import Panel, panel
from facette.snapshots.panel import training_dates as dates_before
from facette.snapshots.wide import wide_panel
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds, read
from facette.tables.wide import WideTable, read_wide
from facette.wording import listed, nearest

Composed = Callable[[list[str]], Train]


@dataclass(frozen=True)
class Contest:
    """A task: its models, each with the settings of `facette train` it is learnt with.

    `dates` are the test dates, in order of time; none where the data have no dates. `why_not`:
    the reason why it is not run.
    """

    name: str
    part: str
    models: Mapping[str, Train]
    dates: list[str] = field(default_factory=list)
    why_not: str = ""

    @property
    def settings(self) -> Train:
        """What all models of the task share."""
        return next(iter(self.models.values()))

    @property
    def dated(self) -> bool:
        """Whether it is judged out of time."""
        return bool(self.dates)


def composed_training(words: list[str]) -> Train:
    """The settings of `facette train` with these words, inside a job that Hydra runs.

    Raises:
        BadInput: an option that is not there, an unknown key, a wrong type.
    """
    try:
        return OmegaConf.to_object(compose("train", overrides=words))  # type: ignore[return-value]
    except MissingConfigException as error:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        known = [name for name in error.options or [] if not name.endswith("_schema")]
        raise BadInput(
            f"no {group} '{option}'{nearest(option, known)} (there are: {', '.join(known)})"
        ) from None
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(str(error).strip().splitlines()[0]) from None


def contest_of(name: str, task: Task, settings: Benchmark, composed: Composed) -> Contest:
    """A task with its models, each composed as `facette train` would.

    Raises:
        BadInput: an unknown model or option of data, a setting that `facette train` doesn't take.
    """
    part, models = task.part.value, dict[str, Train]()
    for option in entrants(part, settings):
        words = [f"data={task.data}"]
        words += [w for w in (*settings.train, *task.train) if not _of_another_model(w, part)]
        words += [f"model/{part}={option}", f"seed={settings.seed}", f"parts=[{part}]"]
        if path := settings.paths.get(task.data):
            words.append(f"data.path={_quoted(path)}")
        try:
            chosen = composed(words)
            check_ranges(chosen)
        except BadInput as error:
            raise BadInput(f"tasks.{name}: {error}") from None
        estimator_of(f"model.{part}", getattr(chosen.model, part).estimator)
        models[option] = chosen
    _check_alike(name, part, models)
    return Contest(name, part, models)


def entrants(part: str, settings: Benchmark) -> list[str]:
    """The options of conf/model/<part> to learn; a baseline may be named, and is there anyway.

    Raises:
        BadInput: nothing is named that can be learnt.
    """
    named = dict.fromkeys(getattr(settings.models, part))
    learnt = [option for option in named if option not in BASELINES]
    if not learnt:
        raise BadInput(
            f"models.{part}: {listed(named) or 'nothing'} to learn; name an option of "
            f"conf/model/{part}, the baselines stand beside it in any case"
        )
    return learnt


def _of_another_model(word: str, part: str) -> bool:
    """Whether a setting is of an estimator that the task doesn't learn."""
    found = re.match(r"[+~]*model\.(\w+)\.estimator\b", word)
    return found is not None and found[1] != part


def _quoted(text: str) -> str:
    """A text as Hydra reads it whatever it holds."""
    inside = text.replace("\\'", "\\\\'").replace("'", "\\'")
    return f"'{inside}'"


def _check_alike(name: str, part: str, models: Mapping[str, Train]) -> None:
    """Models of one task are judged on the same customers by the same outcome."""
    told = {option: _outcome_told(part, chosen) for option, chosen in models.items()}
    first = next(iter(told))
    other = next((option for option in told if told[option] != told[first]), None)
    if other:
        raise BadInput(
            f"tasks.{name}: {first} and {other} would be judged by other outcomes, "
            f"{told[first]} and {told[other]}; set these in tasks.{name}.train"
        )


def _outcome_told(part: str, chosen: Train) -> str:
    churn, tau = chosen.model.churn, chosen.model.potential.tau
    if part == "potential":
        return f"model.potential.tau={tau}"
    if part == "value":
        return ""
    return ", ".join(
        f"model.churn.{key}={value}"
        for key, value in (
            ("definition", churn.definition.value), ("active_days", churn.active_days),
            ("gap_days", churn.gap_days), *_partly(churn),
        )
    )  # fmt: skip


def _partly(churn: ChurnModel) -> list[tuple[str, object]]:
    """What falls, and by how much, where churn is partial."""
    if churn.definition is not ChurnDefinition.partial or churn.partial_of is None:
        return []
    return [("partial_of", churn.partial_of.value), ("partial_share", churn.partial_share)]


class Sources:
    """Tables of each data set, read once; panels, made once for all tasks of a data set."""

    def __init__(self) -> None:
        self._tables: dict[str, Tables | WideTable] = {}
        self._panels: dict[str, Panel] = {}
        self._of = ""

    def tables(self, chosen: Train) -> Tables | WideTable:
        """The tables of a data set, checked.

        Raises:
            BadInput: they are absent, or not what the contract asks for.
        """
        key = _key(chosen.data)
        if key not in self._tables:
            data = chosen.data
            if isinstance(data, WideData):
                self._tables[key] = read_wide(data, with_outcomes=True)
            else:
                assert isinstance(data, EventData)
                self._tables[key] = read(data)
        return self._tables[key]

    def panel(self, contest: Contest, date: str | None) -> Panel:
        """The snapshots to learn from, and the one at a test date; of an undated table, the table.

        Raises:
            BadInput: the perimeter selects nobody, or whoever is there can't be learnt from.
        """
        chosen, tables = contest.settings, self.tables(contest.settings)
        if self._of != _key(chosen.data):
            self._of, self._panels = _key(chosen.data), {}
        if isinstance(tables, WideTable):
            whose, protected = chosen.snapshot.perimeter, chosen.snapshot.protected
            key = json.dumps([whose, protected])
            if key not in self._panels:
                self._panels[key] = wide_panel(tables, whose, protected)
            return self._panels[key]
        reach = reach_days(chosen)
        assert date is not None
        dates = training_dates(contest.name, tables, chosen.snapshot, reach, date)
        snapshot = replace(chosen.snapshot, reference_dates=[*dates, date])
        key = json.dumps([asdict(snapshot), _outcome_told("churn", chosen)], default=str)
        if key not in self._panels:
            assert isinstance(chosen.data, EventData)
            self._panels[key] = panel(tables, snapshot, chosen.model.churn, chosen.data)
        return self._panels[key]


def _key(data: Data) -> str:
    return json.dumps(asdict(data), default=str, sort_keys=True)


def reach_days(chosen: Train) -> int:
    """How many days the outcomes of a date look ahead."""
    return chosen.snapshot.horizon_days + chosen.model.churn.gap_days


def dates_of(contest: Contest, task: Task, tables: Tables | WideTable) -> list[str]:
    """The test dates of a task, each with a training date before it; none where undated.

    Raises:
        BadInput: a date whose outcomes are not known, or that leaves nothing to learn from.
    """
    where, given = f"tasks.{contest.name}.test_dates", task.test_dates
    if isinstance(tables, WideTable):
        if given:
            raise BadInput(f"{where}: {task.data} has no dates; null is wanted")
        return []
    chosen, reach = contest.settings.snapshot, reach_days(contest.settings)
    latest = tables.observed_until - reach * DAY_US
    if given is None:
        given = [as_date(latest // DAY_US * DAY_US)]
    instants = sorted({microseconds(date, where) for date in given})
    late = [as_date(t) for t in instants if t > latest]
    if late:
        raise BadInput(
            f"{where}: outcomes of {listed(late)} need {reach} days, and data end at "
            f"{as_date(tables.observed_until)}; choose a date up to {as_date(latest)}"
        )
    dates = [as_date(t) for t in instants]
    for date in dates:
        training_dates(contest.name, tables, chosen, reach, date)
    return dates


def training_dates(
    name: str, tables: Tables, snapshot: Snapshot, reach: int, test_date: str
) -> list[str]:
    """Dates whose outcomes ended by the test date, as `snapshot.reference_dates=auto` finds them.

    Raises:
        BadInput: not one has `observation_days` of history behind it.
    """
    where = f"tasks.{name}.test_dates"
    start = tables.first_at // DAY_US * DAY_US
    known = dates_before(microseconds(test_date, where), start, snapshot, reach)
    if not known:
        least = start + (snapshot.observation_days + reach) * DAY_US
        raise BadInput(
            f"{where}: nothing to learn from before {test_date}, as data begin at "
            f"{as_date(start)}; choose a date from {as_date(least)} on"
        )
    return [as_date(t) for t in known]


def check_learnable(contest: Contest, snapshots: Panel) -> None:
    """Refuse a task that these snapshots have no outcome for, or nothing to learn by.

    Raises:
        BadInput: with the reason.
    """
    part, chosen = contest.part, contest.settings
    assert snapshots.test.outcomes is not None
    if not len(snapshots.test.outcomes[OUTCOMES[part]].dropna()):
        raise BadInput(f"{part}: no outcome is known to judge by")
    if part == "potential" and not snapshots.dated and chosen.model.potential.features is None:
        raise BadInput("potential: which columns tell a customer's own spending is not known")
    if part == "potential" and not potential_columns(snapshots, chosen.model.potential):
        raise BadInput("potential: nothing but dates and spend is known, so that it is off")
    check_outcomes(snapshots, part)
    if not snapshots.dated:
        known = sample(snapshots.training, OUTCOMES[part]).outcome
        check_folds(part, known, chosen.evaluation)


def check_model(contest: Contest, model: str, snapshots: Panel) -> None:
    """Refuse a model whose features these snapshots don't have.

    Raises:
        BadInput: with the features that are absent.
    """
    check_features(snapshots, getattr(contest.models[model].model, contest.part).features)
