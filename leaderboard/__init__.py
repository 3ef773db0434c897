"""The leaderboard: run folders -> rows -> ranks -> markdown, terminal tables, exports, HTML.

Everything here reads records on disk; searches and scores are made in `bench`.
"""
