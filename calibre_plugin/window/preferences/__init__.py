"""The preferences, a tab a file. Imports `parts`."""
