"""Made-up networks at the scale of a region: people, organisations, teams, threads, messages, tasks and consents.

The same seed gives the same resources, in an order in which every reference points back. All names are invented.
"""
