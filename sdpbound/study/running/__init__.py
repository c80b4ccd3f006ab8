"""Running a study: what the store lacks goes to processes here or on a cluster, what comes back is stored.

What may come in: a study at hand. What is handed on: a filled store. An executor is a generator of answers.
"""
