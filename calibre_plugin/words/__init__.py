"""The sentences a reader sees, and the faults told beside them. Imports `copies` and `link`."""
