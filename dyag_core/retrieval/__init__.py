"""An index opened, and what it finds put into prompts."""
