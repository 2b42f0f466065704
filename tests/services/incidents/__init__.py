"""Tests of services/incidents."""
