"""The figures that no run can be made with, refused before any data is read.

Hydra's schemas hold keys and types; what follows from neither stands here, a line each.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from facette.errors import BadInput
from facette.settings import Benchmark, Compare, Describe, Plan, Score, Simulate, Train, Tune
from facette.settings.data import BankData, Data, EventData, Snapshot, WideData, World
from facette.settings.models import (
    ChurnDefinition,
    ChurnModel,
    Drivers,
    Models,
    Newcomers,
    Retention,
)
from facette.settings.policy import Policy
from facette.settings.segments import ThreeTests

Range = tuple[str, Any, bool, str]  # a setting, its value, whether it fits, what is wanted


def check_ranges(
    settings: Train | Tune | Score | Describe | Simulate | Compare | Benchmark | Plan,
) -> None:
    """Refuse figures that no run can be made with, before any data is read.

    Raises:
        BadInput: the first setting outside its range, with the range.
    """
    if isinstance(settings, Simulate):
        ranges = _simulation_ranges(settings)
    elif isinstance(settings, Compare):
        ranges = _comparison_ranges(settings)
    elif isinstance(settings, Benchmark):
        ranges = _benchmark_ranges(settings)
    else:
        ranges = _data_ranges(settings.data)
    if isinstance(settings, Plan):
        ranges += _planning_ranges(settings)
    if isinstance(settings, Train | Plan):
        ranges += _policy_ranges(settings.policy)
    if isinstance(settings, Train):
        ranges += [*_snapshot_ranges(settings.snapshot), *_training_ranges(settings)]
    if isinstance(settings, Tune):
        ranges += [*_snapshot_ranges(settings.snapshot), *_tuning_ranges(settings)]
    if isinstance(settings, Describe):
        ranges += _snapshot_ranges(settings.snapshot)
        ranges += _silence_ranges("", settings.active_days, settings.gap_days)
    for setting, value, fits, wanted in ranges:
        if not fits:
            raise BadInput(f"{setting}: {value} is out of range; {wanted} is wanted")


def _planning_ranges(plan: Plan) -> list[Range]:
    return [
        ("seed", plan.seed, plan.seed >= 0, "0 or more"),
        ("confidence", plan.confidence, 0 < plan.confidence < 1, "between 0 and 1"),
        ("event_days", plan.event_days, plan.event_days > 0, "1 or more"),
        ("budget", plan.budget, plan.budget is None or plan.budget >= 0, "0 or more, or null"),
        *((f"capacity.{name}", n, n is None or n >= 0, "0 or more, or null")
          for name, n in plan.capacity.items()),
    ]  # fmt: skip


def _policy_ranges(policy: Policy) -> list[Range]:
    effects = policy.effects
    costs = ("switching_cost", "minimum_stay_days", "worth_telling")
    return [
        ("policy.horizon_days", policy.horizon_days, policy.horizon_days > 0, "1 or more"),
        ("policy.floor", policy.floor, policy.floor > 0, "1 or more"),
        (
            "policy.effects.horizon_days",
            effects.horizon_days,
            effects.horizon_days > 0,
            "1 or more",
        ),
        ("policy.effects.least", effects.least, effects.least > 0, "1 or more"),
        *((f"policy.{name}", n := getattr(policy, name), n >= 0, "0 or more") for name in costs),
        ("policy.by", policy.by, bool(policy.by), "at least one column"),
        ("policy.holdout", policy.holdout, 0 <= policy.holdout < 1, "0 to below 1"),
        ("policy.effects.folds", effects.folds, effects.folds > 1, "2 or more"),
        ("policy.effects.tame", effects.tame, 0.5 <= effects.tame <= 1, "0.5 to 1"),
        ("policy.effects.overlap", effects.overlap, 0 < effects.overlap < 0.5, "above 0, below .5"),
    ]


def _comparison_ranges(compare: Compare) -> list[Range]:
    counts = {name: getattr(compare, name) for name in ("customers", "features", "resamples")}
    return [
        *((name, n, n > 0, "1 or more") for name, n in counts.items()),
        ("seed", compare.seed, compare.seed >= 0, "0 or more"),
        ("confidence", compare.confidence, 0 < compare.confidence < 1, "between 0 and 1"),
    ]


def _benchmark_ranges(benchmark: Benchmark) -> list[Range]:
    folders = {name: getattr(benchmark, name) for name in ("out", "kept")}
    dates = {name: task.test_dates for name, task in benchmark.tasks.items()}
    return [
        ("tasks", benchmark.tasks, bool(benchmark.tasks), "at least one task"),
        ("seed", benchmark.seed, 0 <= benchmark.seed < 2**31, "0 to 2147483647"),
        *((name, folder, bool(folder.strip()), "a folder") for name, folder in folders.items()),
        *((f"tasks.{name}.test_dates", given, given is None or bool(given),
           "at least one date, or null") for name, given in dates.items()),
    ]  # fmt: skip


def _three_tests_ranges(tests: ThreeTests) -> list[Range]:
    def share(name: str) -> Range:
        value = getattr(tests, name)
        return f"three_tests.{name}", value, 0 <= value <= 1, "0 to 1"

    return [
        *(share(name) for name in ("least_stable", "unsure", "steady", "smallest", "redundant")),
        ("three_tests.resamples", tests.resamples, tests.resamples > 0, "1 or more"),
        ("three_tests.most", tests.most, tests.most > 1, "2 or more"),
        ("three_tests.contacts", tests.contacts, tests.contacts > 0, "1 or more"),
        ("three_tests.floor", tests.floor, tests.floor >= 0, "0 or more"),
        ("three_tests.set_up_cost", tests.set_up_cost, tests.set_up_cost >= 0, "0 or more"),
        ("three_tests.yearly_cost", tests.yearly_cost, tests.yearly_cost >= 0, "0 or more"),
    ]


def _drivers_ranges(drivers: Drivers) -> list[Range]:
    counts = {name: getattr(drivers, name) for name in ("top", "leading", "refits", "sample")}
    shares = {name: getattr(drivers, name) for name in ("min_fidelity", "min_returning", "alike")}
    return [
        *((f"drivers.{name}", n, n > 0, "1 or more") for name, n in counts.items()),
        *((f"drivers.{name}", x, 0 <= x <= 1, "0 to 1") for name, x in shares.items()),
        ("drivers.interactions", drivers.interactions, drivers.interactions >= 0, "0 or more"),
        ("drivers.movers", drivers.movers, drivers.movers >= 0, "0 or more"),
        ("drivers.sample", drivers.sample, drivers.sample >= 100, "100 or more"),
    ]


def _retention_ranges(retention: Retention) -> list[Range]:
    under, share, cost = "evaluation.retention", retention.incentive_share, retention.contact_cost
    shapes = {"alpha": retention.alpha, "beta": retention.beta}
    return [
        (f"{under}.incentive_share", share, 0 <= share <= 1, "0 to 1"),
        (f"{under}.contact_cost", cost, 0 <= cost < math.inf, "0 or more"),
        *((f"{under}.{name}", x, 0 < x < math.inf, "more than 0") for name, x in shapes.items()),
    ]


def _training_ranges(train: Train) -> list[Range]:
    segments, judged = train.segments, train.evaluation
    behaviour = segments.behaviour
    least_p = 1 / (1 + max(behaviour.null_draws, 1))  # these data are among the draws
    return [
        ("parts", train.parts, bool(train.parts), "at least one part"),
        ("seed", train.seed, train.seed >= 0, "0 or more"),
        ("segments.behaviour.k_range", behaviour.k_range,
         len(behaviour.k_range) == 2 and 1 < behaviour.k_range[0] <= behaviour.k_range[1],
         "the least and the most, [2,8] say"),
        ("segments.behaviour.clip_quantile", behaviour.clip_quantile,
         0 <= behaviour.clip_quantile < 0.5, "0 to below 0.5"),
        ("segments.behaviour.soft_limit", behaviour.soft_limit,
         behaviour.soft_limit is None or behaviour.soft_limit > 0, "more than 0, or null"),
        ("segments.behaviour.resamples", behaviour.resamples, behaviour.resamples > 0, "1 or more"),
        ("segments.behaviour.null_draws", behaviour.null_draws, behaviour.null_draws > 0,
         "1 or more"),
        ("segments.behaviour.natural_level", behaviour.natural_level,
         least_p <= behaviour.natural_level < 1,
         f"1 / (1 + null_draws), {least_p:.3g} here, the least that can be met, to below 1"),
        ("segments.behaviour.min_valley", behaviour.min_valley, 0 <= behaviour.min_valley <= 1,
         "0 to 1"),
        ("segments.behaviour.deep_valley", behaviour.deep_valley, 0 <= behaviour.deep_valley <= 1,
         "0 to 1"),
        ("segments.behaviour.sample", behaviour.sample, behaviour.sample > 1, "2 or more"),
        ("segments.behaviour.least_overlap", behaviour.least_overlap,
         0.5 <= behaviour.least_overlap <= 1, "0.5 (below, matches are ambiguous) to 1"),
        ("segments.behaviour.least_share", behaviour.least_share,
         0 < behaviour.least_share <= 0.5, "above 0 to 0.5"),
        ("segments.behaviour.between", behaviour.between, 0.5 <= behaviour.between <= 1,
         "0.5 to 1"),
        ("grid.penalty", train.grid.penalty, train.grid.penalty > 0, "more than 0"),
        ("grid.top", train.grid.top, bool(train.grid.top), "at least one grade"),
        *_three_tests_ranges(train.three_tests),
        *_model_ranges(train.model),
        *_newcomer_ranges(train),
        ("evaluation.resamples", judged.resamples, judged.resamples > 0, "1 or more"),
        ("evaluation.folds", judged.folds, judged.folds > 1, "2 or more"),
        ("evaluation.repeats", judged.repeats, judged.repeats > 0, "1 or more"),
        ("evaluation.confidence", judged.confidence, 0 < judged.confidence < 1, "between 0 and 1"),
        *_retention_ranges(judged.retention),
        *_drivers_ranges(train.drivers),
    ]  # fmt: skip


def _model_ranges(model: Models) -> list[Range]:
    folds = {part: getattr(model, part).folds for part in ("value", "potential", "churn", "upside")}
    taus = {part: getattr(model, part).tau for part in ("potential", "upside")}
    return [
        *((f"model.{p}.tau", tau, 0 < tau < 1, "between 0 and 1") for p, tau in taus.items()),
        (
            "model.potential.by_category",
            model.potential.by_category,
            model.potential.by_category >= 0,
            "0 or more",
        ),
        ("model.upside.bands", model.upside.bands, model.upside.bands > 0, "1 or more"),
        *_silence_ranges("model.churn.", model.churn.active_days, model.churn.gap_days),
        *_partial_ranges(model.churn),
        *((f"model.{part}.folds", n, n > 1, "2 or more") for part, n in folds.items()),
    ]


def _newcomer_ranges(train: Train) -> list[Range]:
    days, foretold = train.snapshot.min_history_days, train.model.newcomers is not Newcomers.none
    return [
        ("snapshot.min_history_days", days, days == 0 or not isinstance(train.data, WideData),
         "0, as a wide table bears no dates to count from,"),
        ("snapshot.min_history_days", days, days == 0 or foretold or not train.evaluation.truth,
         "0, as evaluation.truth holds every customer against the truth,"),
    ]  # fmt: skip


def _partial_ranges(churn: ChurnModel) -> list[Range]:
    of, share = churn.partial_of, churn.partial_share
    if churn.definition is not ChurnDefinition.partial:
        return []
    return [
        ("model.churn.partial_of", of, of is not None, "spend or days (model/churn=partial)"),
        ("model.churn.partial_share", share, share is not None and 0 < share < 1,
         "a share between 0 and 1 (model/churn=partial)"),
    ]  # fmt: skip


def _tuning_ranges(tune: Tune) -> list[Range]:
    pruning, timeout = tune.pruning, tune.timeout
    counts = {
        "trials": tune.trials, "validation_dates": tune.validation_dates,
        "pruning.after_trials": pruning.after_trials, "pruning.after_steps": pruning.after_steps,
    }  # fmt: skip
    where = f"search.{tune.part.value}"
    space = searched(getattr(tune.search, tune.part.value))
    return [
        *((name, n, n > 0, "1 or more") for name, n in counts.items()),
        ("timeout", timeout, timeout is None or 0 < timeout < math.inf, "seconds above 0, or null"),
        ("seed", tune.seed, 0 <= tune.seed < 2**31, "0 to 2147483647"),
        *_model_ranges(tune.model),
        (where, "{}", bool(space), "at least one parameter (search=…)"),
        *(told for name, node in space.items() for told in _searched_ranges(where, name, node)),
    ]


def searched(space: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a search space by dotted name, those that are null left out."""
    found = dict[str, Any]()
    for name, node in space.items():
        if isinstance(node, dict) and node and all(isinstance(v, dict) for v in node.values()):
            found |= {f"{name}.{inner}": told for inner, told in searched(node).items()}
        elif node is not None:
            found[name] = node
    return found


def _searched_ranges(where: str, name: str, node: Any) -> Iterator[Range]:
    """One parameter of a search space: its form, its ends, and what its flags ask of them."""
    at, told = f"{where}.{name}", node if isinstance(node, dict) else {}
    if set(told) == {"choices"}:
        choices = told["choices"]
        plain = isinstance(choices, list) and bool(choices) and all(map(_is_plain, choices))
        yield at, choices, plain, "a list of texts, numbers, true, false or null"
        return
    flags = [told.get(flag, False) for flag in ("log", "int")]
    ends: list[Any] = [told.get(end) for end in ("low", "high")]
    formed = set(told) <= {"low", "high", "log", "int"} and all(map(_is_number, ends))
    yield at, node, formed, "{low, high}, perhaps with log and int, or {choices: [...]}"
    yield at, node, all(isinstance(flag, bool) for flag in flags), "true or false for log and int"
    if formed:
        integers = all(isinstance(end, int) for end in ends)
        yield at, node, ends[0] <= ends[1], "low not above high"
        yield f"{at}.low", ends[0], flags[0] is not True or ends[0] > 0, "more than 0 (log: true)"
        yield at, node, flags[1] is not True or integers, "whole numbers (int: true)"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _snapshot_ranges(snapshot: Snapshot) -> list[Range]:
    return [
        ("snapshot.horizon_days", snapshot.horizon_days, snapshot.horizon_days > 0, "1 or more"),
        ("snapshot.observation_days", snapshot.observation_days, snapshot.observation_days > 1,
         "2 or more"),
        ("snapshot.windows_days", snapshot.windows_days,
         bool(snapshot.windows_days) and min(snapshot.windows_days) > 0, "days above 0"),
        ("snapshot.training_step_days", snapshot.training_step_days,
         snapshot.training_step_days is None or snapshot.training_step_days > 0, "days above 0"),
        ("snapshot.half_lives_days", snapshot.half_lives_days,
         all(days > 0 for days in snapshot.half_lives_days), "days above 0"),
        ("snapshot.categories", snapshot.categories, snapshot.categories >= 0, "0 or more"),
        ("snapshot.min_history_days", snapshot.min_history_days, snapshot.min_history_days >= 0,
         "0 or more"),
    ]  # fmt: skip


def _silence_ranges(under: str, active_days: int, gap_days: int) -> list[Range]:
    return [
        (f"{under}gap_days", gap_days, gap_days >= 0, "0 or more"),
        (f"{under}active_days", active_days, active_days > 0, "1 or more"),
    ]


def _data_ranges(data: Data) -> list[Range]:
    named = re.fullmatch(r"[\w-]+", data.name) is not None  # MLflow takes no point
    name: Range = ("data.name", data.name, named, "letters, digits, _ -")
    if not isinstance(data, EventData):
        return [name]
    return [
        name,
        ("data.minor_units", data.minor_units, 0 <= data.minor_units <= 6, "0 to 6"),
        ("data.rows_in_memory", data.rows_in_memory, data.rows_in_memory >= 0, "0 or more"),
        *(_bank_ranges("data.", data) if isinstance(data, BankData) else ()),
    ]


def _simulation_ranges(simulate: Simulate) -> list[Range]:
    share = simulate.dirt_share
    return [
        *_bank_ranges("", simulate),
        ("out", simulate.out, bool(simulate.out.strip()), "a folder"),
        ("dirt_share", share, 0 <= share <= 1, "0 to 1"),
    ]


def _bank_ranges(under: str, bank: BankData | Simulate) -> list[Range]:
    """What a bank can be simulated with; its identifiers have nine digits."""
    begins = re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-01", bank.start) is not None
    return [
        (f"{under}customers", bank.customers, 1 <= bank.customers < 10**8, "1 to 99999999"),
        (f"{under}months", bank.months, 12 <= bank.months <= 600, "12 to 600"),
        (f"{under}start", bank.start, begins and "2016" <= bank.start < "2100",
         "the first day of a month from 2016 on, as 2023-01-01,"),
        (f"{under}seed", bank.seed, 0 <= bank.seed < 2**32, "0 to 4294967295"),
        (f"{under}chunk", bank.chunk, bank.chunk > 0, "1 or more"),
        *_world_ranges(f"{under}world", bank.world),
    ]  # fmt: skip


def _world_ranges(where: str, world: World) -> Iterator[Range]:
    """Every parameter of a world: its form, and each value that may be drawn of it."""
    for told in fields(world):
        at, value = f"{where}.{told.name}", getattr(world, told.name)
        if told.name in _ROWS:
            yield from _row_ranges(at, told.name, value)
        elif told.type == dict[str, Any]:
            for key, inner in value.items():
                yield from _parameter_ranges(f"{at}.{key}", told.name, inner)
        elif told.name != "name":
            yield from _parameter_ranges(at, told.name, value)


def _row_ranges(where: str, kind: str, rows: dict[str, Any]) -> Iterator[Range]:
    """A table of a world: each row tells all of its parameters, and no other."""
    keys = _ROWS[kind]
    for name, row in rows.items():
        whole = isinstance(row, dict) and set(row) == set(keys)
        yield f"{where}.{name}", row, whole, f"a mapping with {', '.join(keys)}"
        for key in keys if whole else ():
            yield from _parameter_ranges(f"{where}.{name}.{key}", f"{kind}.{key}", row[key])


def _parameter_ranges(where: str, kind: str, value: Any) -> Iterator[Range]:
    least, most, wanted = _BOUNDS.get(kind, _ANY)
    known, options = _HANDLED.get(kind, ()), _options(value)
    yield where, value, bool(options), _ANY[2]
    for option in options:
        if known:
            yield where, option, option in known, f"one of {', '.join(known)}"
        else:
            yield where, option, _is_number(option) and least <= option <= most, wanted
    if isinstance(value, list) and options:
        ordered = all(map(_is_number, value)) and value[0] <= value[1]
        yield where, value, ordered, "a range [low, high], low not above high,"


def _options(value: Any) -> list[Any]:
    """The options of a parameter, the ends of its range, or itself; none where it is no such."""
    if isinstance(value, dict):
        options = value.get("one_of") if len(value) == 1 else None
        return options if isinstance(options, list) else []
    if isinstance(value, list):
        return value if len(value) == 2 else []
    return [value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_ANY = (-math.inf, math.inf, "a number, a range [low, high], or {one_of: [...]}")
_SHARE, _TIE = (0, 1, "0 to 1"), (-1, 1, "-1 to 1")
_SPREAD, _RATE = (0, math.inf, "0 or more"), (1e-6, math.inf, "more than 0")
_ROWS = {
    "channels": ("base", "power", "expectation", "digital", "distance"),
    "purposes": ("base", "power", "expectation"),
    "products": ("weight", "cost_year", "loss_year", "loss_months"),
    "relationship_models": ("approach", "channel", "cadence", "value", "base"),
}
_BOUNDS = {
    **dict.fromkeys(("main_bank_share", "pilot_share", "campaign_reach",
                     "campaign_control", "project_month", "moment_month", "conversion", "backfire",
                     "unsubscribe", "satisfaction_memory", "closing_month", "survey_rate", "late",
                     "event_known", "refund", "products.loss_year"), _SHARE),
    "leads": (0, 0.9, "0 to 0.9"),
    "wallet_log_year": (0, 20, "0 to 20"),
    **dict.fromkeys(("response", "organic_month"), (1e-6, 1 - 1e-6, "between 0 and 1")),
    **dict.fromkeys(("axes_wallet_correlation", "wish_known"), _TIE),
    **dict.fromkeys(("separation", "family_unevenness", "products_more", "joining_year",
                     "pilot_months", "contact_cost", "leaving_otherwise_year",
                     "churn_shock", "products.cost_year", "products.loss_months",
                     "relationship_models.cadence"), _SPREAD),
    **dict.fromkeys(("family_spread", "wallet_income", "started_month", "complaint_year",
                     "churn_year", "products.weight"), _RATE),
}  # fmt: skip
_HANDLED = {
    "relationship_models.approach": ("personalised", "semi_personalised", "mass"),
    "relationship_models.channel": ("mail", "phone", "email", "app", "branch", "advisor"),
}
