"""calibre's own content server as a sync server: what it is asked is passed on to the server in a bridge."""
