"""The seven platforms. Nothing in here imports the bot or the storage."""
