"""`facette plan`: from the model in use to who is handled how, in a file to be carried out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.errors import BadInput
from facette.jobs.deciding import decided
from facette.jobs.places import check_out, write
from facette.jobs.planning import planned, spec_for
from facette.jobs.policy_package import EVERYONE, POLICY, PackagedPolicy, policy_packaged
from facette.jobs.progress import Progress
from facette.jobs.progress import progress as progress_bar
from facette.jobs.realised import realised
from facette.jobs.score import check_known
from facette.policy.decision import Decision
from facette.policy.relationship import check_policy, policy_version
from facette.ranges import check_ranges
from facette.registry.models import LoadedModel, load, register
from facette.registry.plans import earlier_plan, plan_tags, record_plan, running_lot
from facette.registry.tracking import TrackedRun, open_store, tracked
from facette.reports.decision.card import policy_card
from facette.reports.decision.page import PAGE, decision_page
from facette.reports.decision.told import decision_metrics, headline
from facette.settings import Plan
from facette.settings.data import EventData, WideData
from facette.settings.policy import Policy
from facette.snapshots.instants import as_date
from facette.snapshots.known import known_at
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds, read

STAGES, KINDS_SHOWN = 4, 8


@dataclass(frozen=True)
class PlanMade:
    """What a planning run leaves: its decision, figures, files, and where it is tracked.

    `versions`: the registered version of the policy, by its name.
    """

    run_id: str
    decision: Decision
    metrics: dict[str, float]
    page: Path
    out: Path
    versions: dict[str, int]


def main(cfg: DictConfig) -> None:
    """Plan as configured, then print the headline figures."""
    hydra, settings = HydraConfig.get(), OmegaConf.to_object(cfg)
    made = plan(settings, Path(hydra.runtime.output_dir), OmegaConf.to_yaml(cfg, resolve=True))  # type: ignore[arg-type]
    lines = headline(made.decision)
    lines += [f"Activation file: {made.out}; left out: {left_out_beside(made.out)}"]
    lot, date = made.decision.planned.lot, as_date(made.decision.planned.t)
    if lot.date != date and made.decision.planned.plan.base.held_out.any():
        lines += [f"Held out by the lot of the plan of {lot.date}, until {lot.until}"]
    registered = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    lines += [f"Registered: {registered}" if registered else "A draft: nothing is registered"]
    lines += [f"Decision page: {made.page}"]
    lines += [f"Tracked as run {made.run_id}"]
    tqdm.write("\n".join(lines))


def plan(settings: Plan, folder: Path, configuration: str = "") -> PlanMade:
    """Plan for the customers of `reference_date` with a registered model, and track it.

    Raises:
        BadInput: the configuration or the data are not fit; nothing is written then.
    """
    with progress_bar(STAGES, settings.progress) as progress:
        progress.stage("checking the configuration")
        check_ranges(settings)
        policy = policy_of(settings)
        check_policy(policy)
        out = Path(settings.out)
        check_out(out, ".parquet", ".csv")
        if isinstance(settings.data, WideData):
            raise BadInput("data: a wide table bears no dates, and a plan stands at one")
        assert isinstance(settings.data, EventData)
        name = f"{settings.tracking.registry_prefix}{settings.data.name}_customer"
        model = load(settings.tracking, name, settings.alias)
        t = microseconds(settings.reference_date, "reference_date")
        progress.stage("reading and checking tables")
        tables = read(settings.data)
        spec = spec_for(model.bundle, tables, _perimeter(settings, model))
        check_known(tables, t, spec, settings.reference_date)
        decision = _decided(settings, policy, model, tables, t, progress)
        progress.stage("reporting and tracking")
        with TemporaryDirectory() as workshop:
            rule = policy_packaged(
                decision.planned, model.bundle, model.folder, Path(workshop) / "decided",
                consents="consents" in tables, perimeter=decision.whom,
            )  # fmt: skip
            return _recorded(settings, decision, rule, model, tables, t, folder, out, configuration)


def policy_of(settings: Plan) -> Policy:
    """The policy with the limits that were given to the plan itself.

    Raises:
        BadInput: a capacity is given that the policy does not have.
    """
    absent = [name for name in settings.capacity if name not in settings.policy.capacity]
    if absent:
        raise BadInput(
            f"capacity.{absent[0]}: the policy has none of that name (there are: "
            f"{', '.join(settings.policy.capacity)})"
        )
    capacity = {**settings.policy.capacity, **settings.capacity}
    return replace(settings.policy, budget=settings.budget, capacity=capacity)


def left_out_beside(out: Path) -> Path:
    """The file of who is left out, beside the activation file."""
    return out.with_name(f"{out.stem}.left_out{out.suffix}")


def _decided(
    settings: Plan, policy: Policy, model: LoadedModel, tables: Tables, t: int, progress: Progress
) -> Decision:
    progress.stage("learning effects and allocating")
    perimeter = _perimeter(settings, model)
    among = _of_event(settings, tables, t)
    whom, data = _for_whom(settings, model), settings.data.name
    lot = running_lot(open_store(settings.tracking), data, whom or EVERYONE, as_date(t))
    made = planned(
        policy, model.bundle, tables, t, perimeter, settings.seed, settings.confidence,
        among=among, lot=lot,
    )  # fmt: skip
    made_by = f"{model.name} {model.version}"
    version = policy_version(
        made_by, policy, model.bundle.digest, whom or EVERYONE, made.lot.date, str(settings.seed)
    )
    return decided(
        made, tables, version, settings.confidence, settings.seed, whom, draft=settings.draft
    )


def _perimeter(settings: Plan, model: LoadedModel) -> str | None:
    """The perimeter of the plan and that of the model, both of which hold."""
    both = [p for p in (settings.perimeter, model.bundle.about["perimeter"]) if p]
    return " and ".join(f"({p})" for p in both) or None


def _for_whom(settings: Plan, model: LoadedModel) -> str | None:
    """Perimeter and commercial event in words; None for everyone."""
    event = settings.event and f"with '{settings.event}' in the last {settings.event_days} days"
    return ", ".join(told for told in (_perimeter(settings, model), event) if told) or None


def _of_event(settings: Plan, tables: Tables, t: int) -> pd.Index | None:
    """The customers of a commercial event; None for all.

    Raises:
        BadInput: nobody had it.
    """
    if settings.event is None:
        return None
    if "events" not in tables:
        raise BadInput("event: the data hold no table of events")
    rows: pl.LazyFrame = known_at(tables, "events", t).to_native()
    since = t - settings.event_days * DAY_US
    found = rows.filter((pl.col("kind") == settings.event) & (pl.col("occurred_at") >= since))
    customers = pl.DataFrame(found.select("customer_id").unique().collect())["customer_id"]
    if not len(customers):
        lately = pl.DataFrame(rows.filter(pl.col("occurred_at") >= since).collect())["kind"]
        kinds = lately.value_counts(sort=True)["kind"].head(KINDS_SHOWN).to_list()
        raise BadInput(
            f"event: no '{settings.event}' in the {settings.event_days} days before "
            f"{settings.reference_date}; choose another kind (there are: "
            f"{', '.join(map(str, kinds)) or 'none'}), or a larger event_days"
        )
    return pd.Index(customers.to_list())


def _recorded(
    settings: Plan, decision: Decision, policy: PackagedPolicy, model: LoadedModel, tables: Tables,
    t: int, folder: Path, out: Path, configuration: str,
) -> PlanMade:  # fmt: skip
    data, date, whom = settings.data.name, as_date(t), decision.whom or EVERYONE
    tags = plan_tags(data, date, whom, decision.planned.lot, draft=settings.draft)
    name = f"{'draft' if settings.draft else 'plan'} {settings.reference_date}, {whom}"
    tags["facette.parts"] = POLICY
    with tracked(settings.tracking, experiment=data, name=name, tags=tags) as run:
        run.params(asdict(settings))
        earlier = earlier_plan(run.client, data, whom, date)
        after = None if earlier is None else realised(earlier, decision, tables, t, settings)
        metrics = decision_metrics(decision) | ({} if after is None else after.metrics())
        metrics |= policy.figures
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / PAGE
        page.write_text(decision_page(decision, after, settings.data, run.run_id), encoding="utf-8")
        record_plan(run, decision.assigned, decision.activation, decision.left_out, metrics, page)
        run.text(configuration, "configuration.yaml")
        run.describe("\n".join(f"- {line}" for line in headline(decision)))
        versions = {} if settings.draft else _registered(run, settings, decision, policy, model)
    write(decision.activation, out)
    write(decision.left_out, left_out_beside(out))
    return PlanMade(run.run_id, decision, metrics, page, out, versions)


def _registered(
    run: TrackedRun, settings: Plan, decision: Decision, policy: PackagedPolicy,
    model: LoadedModel,
) -> dict[str, int]:  # fmt: skip
    """The plan's rule as a new version of `<data>_policy`, over the parts it was planned from.

    It is the challenger where it is for everyone.
    """
    name = f"{settings.tracking.registry_prefix}{settings.data.name}_{POLICY}"
    card = policy_card(
        name, policy.parts, policy.about, policy.bundle.about, f"{model.name} {model.version}",
        policy.figures,
    )  # fmt: skip
    rows, whole = decision.planned.seen.reset_index(), not (settings.perimeter or settings.event)
    return register(run, policy.folder, {name: policy.parts}, rows, {name: card}, aliased=whole)
