"""The bridge: its contract, its process and the runtime below it. Imports no other room."""
