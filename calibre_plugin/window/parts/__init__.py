"""What every window is made of. Imports no other part of the window."""
