"""From results files to a verdict: matching, scoring anew, differences, costs, and the sentences that say it."""
