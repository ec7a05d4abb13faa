"""All that needs Qt. Imports every other room."""
