"""Running a study: tasks that the store lacks go to processes here or on a cluster, and their answers are stored.

What may come in: a study at hand. What is handed on: a filled store. An executor is a generator of answers.
"""
