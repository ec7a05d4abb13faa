"""Accounts, profiles and drafts of them. Imports `library`, `words` and below."""
