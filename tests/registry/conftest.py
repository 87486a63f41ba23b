"""A small snapshot, a bundle of every kind of part, and a store with registered versions."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from shop import (
    ABOUT,
    AGES,
    Fitted,
    booster_part,
    clean,
    linear_part,
    segments_part,
    tracking_in,
    trained,
    training_frame,
)
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from facette.registry.bundle import write_bundle

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes long; deselect with -m 'not slow'")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error"), append=False)
            item.add_marker(pytest.mark.filterwarnings("ignore::Warning:mlflow"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="session")
def snapshot() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    n = 600
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "reference_date": "2017-10-01",
            "spend_91d": rng.gamma(2.0, 100.0, n),
            "orders_91d": rng.poisson(5, n).astype(float),
            "weekend_share": rng.beta(2, 5, n),
            "margin_91d": rng.gamma(2.0, 30.0, n),
            "age": pd.Series(rng.choice(AGES, n)).astype("str"),
        }
    )
    frame.loc[::9, "weekend_share"] = np.nan
    frame.loc[::11, "age"] = None
    return frame


@pytest.fixture(scope="session")
def fitted(snapshot: pd.DataFrame) -> Fitted:
    x, z = training_frame(snapshot), clean(snapshot)
    spend, leaves = snapshot["spend_91d"] * 1.1, (snapshot["orders_91d"] < 4).astype(int)
    common = {"num_leaves": 7, "verbosity": -1, "deterministic": True, "seed": 1}
    return Fitted(
        value=lgb.train({**common, "objective": "tweedie"}, lgb.Dataset(x, spend), 20),
        churn=lgb.train({**common, "objective": "binary"}, lgb.Dataset(x, leaves), 20),
        mixture=GaussianMixture(3, random_state=0).fit(z),
        kmeans=KMeans(3, random_state=0, n_init=2).fit(z),
        logistic=LogisticRegression().fit(x[["spend_91d", "orders_91d"]], leaves),
    )


@pytest.fixture(scope="session")
def parts(fitted: Fitted) -> dict[str, dict[str, bytes]]:
    """All four parts, each of another kind."""
    sigmoid = {"kind": "sigmoid", "a": 1.2, "b": -0.1}
    return {
        "segments": segments_part(fitted, "gaussian"),
        "value": booster_part(fitted.value, link="log", lower=0.0),
        "potential": linear_part(shift=25.0, lower=0.0),
        "churn": booster_part(fitted.churn, link="logit", calibration=sigmoid),
    }


@pytest.fixture
def folder(tmp_path: Path, parts: dict[str, dict[str, bytes]]) -> Path:
    """A bundle of all parts."""
    write_bundle(tmp_path / "bundle", parts, ABOUT)
    return tmp_path / "bundle"


@pytest.fixture(scope="session")
def registered(
    tmp_path_factory: pytest.TempPathFactory,
    parts: dict[str, dict[str, bytes]],
    snapshot: pd.DataFrame,
) -> Path:
    """A root with a store of two versions, the second with another shift; read it, copy it."""
    root = tmp_path_factory.mktemp("registered")
    other = parts | {"potential": linear_part(shift=50.0, lower=0.0)}
    for number, told in enumerate((parts, other)):
        write_bundle(root / f"bundle{number}", told, ABOUT)
        trained(tracking_in(root), root / f"bundle{number}", snapshot)
    return root
