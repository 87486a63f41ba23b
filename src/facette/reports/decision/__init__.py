"""One page per decision: who is treated differently from Monday, what it asks, what it is worth."""
