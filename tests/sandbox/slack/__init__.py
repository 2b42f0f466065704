"""Tests of sandbox/slack."""
