"""Runs read back: the one that is meant, finished and whole, and in which settings they differ."""

from pathlib import Path

import pandas as pd
import pytest
from shop import tracking_in

from facette.errors import BadInput
from facette.registry.runs import TrainedRun, champion_run, differing_settings, trained_run
from facette.registry.tracking import TrackedRun, open_store, tracked
from facette.settings import Tracking

TAGS = {"facette.verb": "train", "facette.data": "shop", "facette.parts": "value"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    return tracking_in(tmp_path_factory.mktemp("runs"))


def opened(store: Tracking, **tags: str):
    return tracked(store, experiment="shop", name="train", tags=TAGS | tags)


def run_with(store: Tracking, *, scored: bool = True) -> TrackedRun:
    """A finished run of two customers whose ids look like numbers."""
    with opened(store) as run:
        run.params({"seed": 7, "data": {"path": "a.csv"}, "parts": ["value"]})
        run.text('{"snapshot at 2020-01-01": "abc"}', "digests.json")
        if scored:
            frame = pd.DataFrame({"customer_id": ["007", "7"], "value_expected": [1.5, None]})
            run.table(frame, "scores/customers.json")
    return run


@pytest.fixture(scope="module")
def run_id(store: Tracking) -> str:
    return run_with(store).run_id


def test_what_a_run_kept_is_read_back(store: Tracking, run_id: str) -> None:
    run = trained_run(store, run_id)
    assert run.scores["value_expected"]["007"] == 1.5
    assert list(run.scores.index) == ["007", "7"]
    assert run.digests == {"snapshot at 2020-01-01": "abc"}
    assert run.params["seed"] == "7"
    assert run.snapshot is None
    assert dict(run.bundles) == {}
    assert run_id.startswith(run.label)


def test_the_start_of_an_id_is_enough_where_only_one_begins_so(
    store: Tracking, run_id: str
) -> None:
    assert trained_run(store, run_id[:20]).run_id == run_id
    ids = [run_id] + [run_with(store).run_id for _ in range(16)]
    initials = [i[0] for i in ids]
    twice = next(i for i in initials if initials.count(i) > 1)  # 17 ids, 16 digits
    with pytest.raises(BadInput, match=r"fits \d+ runs, .*; give more"):
        trained_run(store, twice)


def test_a_run_that_is_not_there_is_told_with_the_nearest_and_the_latest(
    store: Tracking, run_id: str
) -> None:
    with pytest.raises(BadInput, match=f"did you mean '{run_id}'.*the latest: "):
        trained_run(store, f"{run_id[:-1]}{'b' if run_id[-1] == 'a' else 'a'}")


def test_an_empty_store_says_that_nothing_is_trained(tmp_path: Path) -> None:
    empty = tracking_in(tmp_path)
    open_store(empty)
    with pytest.raises(BadInput, match="nothing is trained"):
        trained_run(empty, "abc")


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    absent = tracking_in(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="does not exist"):
        trained_run(absent, "abc")
    assert not (tmp_path / "nowhere").exists()


def test_a_run_still_going_a_failed_one_and_a_deleted_one_are_refused(store: Tracking) -> None:
    with opened(store) as run, pytest.raises(BadInput, match=f"{run.run_id} has not finished"):
        trained_run(store, run.run_id)
    with pytest.raises(ZeroDivisionError), opened(store) as run:
        raise ZeroDivisionError
    with pytest.raises(BadInput, match=f"{run.run_id} failed"):
        trained_run(store, run.run_id)
    run.client.delete_run(run.run_id)
    with pytest.raises(BadInput, match=f"{run.run_id} was deleted"):
        trained_run(store, run.run_id)


def test_what_is_no_training_run_is_refused_with_what_it_is(store: Tracking) -> None:
    with opened(store) as run, run.child("churn") as child:
        pass
    with pytest.raises(BadInput, match=f"the part 'churn' of run {run.run_id}"):
        trained_run(store, child.run_id)
    with opened(store, **{"facette.verb": "benchmark"}) as other:
        pass
    with pytest.raises(BadInput, match="of facette benchmark; give runs of facette train"):
        trained_run(store, other.run_id)


def test_a_run_without_scores_is_refused_with_what_to_do(store: Tracking) -> None:
    run = run_with(store, scored=False)
    with pytest.raises(BadInput, match="kept no scored customers.*snapshot.perimeter"):
        trained_run(store, run.run_id)


def with_params(run: TrainedRun, label: str, **params: str) -> TrainedRun:
    return TrainedRun(**{**vars(run), "run_id": label, "params": params})


def test_settings_that_differ_are_told_and_those_that_do_not_matter_left_out(
    store: Tracking, run_id: str
) -> None:
    run = trained_run(store, run_id)
    one = with_params(run, "one", **{
        "seed": "7", "model.churn.estimator.random_state": "7", "data.path": "a.csv",
        "progress": "True", "tracking.uri": "x", "parts": '["Part.value", "Part.churn"]',
        "model.value.name": "lightgbm", "same": "1",
    })  # fmt: skip
    other = with_params(run, "other", **{
        "seed": "2", "model.churn.estimator.random_state": "2", "data.path": "b.csv",
        "progress": "False", "tracking.uri": "y", "parts": '["Part.value"]',
        "model.value.name": "None", "same": "1", "added": "4",
    })  # fmt: skip
    found = differing_settings({"one": one.params, "other": other.params})
    assert found.table.T.to_dict("list") == {
        "added": ["not set", "4"],
        "parts": ['["value", "churn"]', '["value"]'],
        "seed": ["7", "2"],
        "model.value.name": ["lightgbm", "null"],
    }
    assert found.left_out["model.churn.estimator.random_state"] == "follows the seed"
    assert set(found.left_out) == {
        "model.churn.estimator.random_state", "data.path", "progress", "tracking.uri",
    }  # fmt: skip


def test_the_run_behind_the_champion_is_found_by_the_first_name_that_has_one(
    store: Tracking, run_id: str
) -> None:
    client = open_store(store)
    for name in ("shop_empty", "shop_value"):
        client.create_registered_model(name)
    client.create_model_version("shop_value", "nowhere", run_id)
    with opened(store) as run:
        names = ["shop_none", "shop_empty", "shop_value"]
        assert champion_run(run, names) is None
        client.set_registered_model_alias("shop_value", "champion", "1")
        found = champion_run(run, names)
        assert found is not None
        assert (found.name, found.version) == ("shop_value", 1)
        assert run_id.startswith(found.label)
        assert found.digests == {"snapshot at 2020-01-01": "abc"}
        assert found.params["data.path"] == "a.csv"
        client.delete_run(run_id)
        assert champion_run(run, names) is None
        client.restore_run(run_id)
