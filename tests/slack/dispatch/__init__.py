"""Tests of slack/dispatch."""
