"""Accounts: which platforms there are, connecting, disconnecting, and what is wrong with one."""
