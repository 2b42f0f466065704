"""Tests of the files of posts."""
