"""Accounts, guests and their sessions."""
