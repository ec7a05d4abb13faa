"""From a click to the written cells and one sentence. Imports `parts` and `review`."""
