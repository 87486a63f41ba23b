"""Relationship models: who is handled how, within what, and what it is worth."""
