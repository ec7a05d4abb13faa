"""What is remembered of books and runs, and where it comes from. Imports `library`, `words` and below."""
