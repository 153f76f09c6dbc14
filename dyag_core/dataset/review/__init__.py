"""Reading rows beside their sources: a sample by lot, the place of each answer, what the verdicts come to, a page."""
