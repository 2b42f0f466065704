"""Tests of services/tokens."""
