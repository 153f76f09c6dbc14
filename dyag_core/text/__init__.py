"""Text as such: normal forms, language, sentences, chunks, likeness, grounding."""
