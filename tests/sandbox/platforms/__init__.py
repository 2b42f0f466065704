"""Tests of sandbox/platforms."""
