"""Facts read off documents, and the questions and answers made of them."""
