"""Tests of the simulation of the publishing engine."""
