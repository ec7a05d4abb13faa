"""The first evening: from nothing to a first sync, page by page. Imports `preferences` and `parts`."""
