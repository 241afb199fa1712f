"""Tests of what the user sees: flows, entities, diagnostics."""
