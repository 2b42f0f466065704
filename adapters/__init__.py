"""The platforms: facts about each, and adapters that speak to them. Imports nothing of `bot` or `storage`."""
