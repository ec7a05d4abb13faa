"""What this computer knows, as a whole: taken to another computer, listed, and removed. No Qt, no bridge."""
