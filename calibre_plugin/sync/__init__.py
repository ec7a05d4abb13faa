"""What a run gathers and writes, without Qt: the same for the window and the command line. Imports `devices` and below."""
