"""calibre's database, typed: the one face of its API. Imports `copies` and `link`."""
