"""The composer: the ways into it, its two forms, and what is done with what people enter."""
