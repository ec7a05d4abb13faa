"""What any calibre process needs when a copy leaves: no Qt, no bridge, no library. Imports no other room."""
