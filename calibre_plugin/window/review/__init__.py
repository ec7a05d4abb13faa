"""Windows that show what would be done, what was done and what is known. Imports `parts`."""
