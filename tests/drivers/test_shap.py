"""Contributions as LightGBM computes them are those of the SHAP library."""

import warnings

import lightgbm
import numpy as np
import pandas as pd
import pytest

TREES = {
    "n_estimators": 40, "num_leaves": 7, "min_child_samples": 10, "random_state": 1,
    "n_jobs": 1, "verbosity": -1,
}  # fmt: skip


@pytest.mark.parametrize("objective", ["tweedie", "quantile", "binary"])
def test_contributions_equal_those_of_tree_shap(objective: str) -> None:
    rng = np.random.default_rng(1)
    x = pd.DataFrame(rng.normal(size=(300, 6)), columns=list("abcdef"))
    x.iloc[::7, 2] = np.nan
    spend = np.exp(x["a"]) * (rng.random(300) < 0.7)
    y = (spend > 1).astype(int) if objective == "binary" else spend
    kind = lightgbm.LGBMClassifier if objective == "binary" else lightgbm.LGBMRegressor
    model = kind(objective=objective, **TREES).fit(x, y)
    ours = np.asarray(model.predict(x, pred_contrib=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        import shap

        theirs = np.asarray(shap.TreeExplainer(model).shap_values(x))
    np.testing.assert_allclose(ours[:, :-1], theirs, atol=1e-9)
    np.testing.assert_allclose(ours.sum(axis=1), model.predict(x, raw_score=True), atol=1e-9)
