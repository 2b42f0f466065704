"""Everything a member touches: Slack, the few web pages, and the work that runs while nobody waits."""
