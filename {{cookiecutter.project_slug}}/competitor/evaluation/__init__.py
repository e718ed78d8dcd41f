"""The evaluation: asks tasks of many kinds, grades the answers, and computes the benchmark's score.
Contract file: replaced by updates.

- What is asked: `kinds/`, by seeded generators (`task.py`); the pages to search are in `library.py`.
- What it earns: `score.py`, `compare.py`, `judge.py`.
- How it runs: `command.py`, `running.py`, `asking.py`, `record.py`; `report.py` shows it.
- What tests it: `minds.py`, models that know the tasks, behind `world.py`.
"""
