"""The packaged model, imported past what MLflow says when its classes are defined."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from facette.registry.bundle import write_bundle
    from facette.registry.customer_model import Bundle, Facet, _tier

__all__ = ["Bundle", "Facet", "tier", "write_bundle"]

tier = _tier
