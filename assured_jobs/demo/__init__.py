"""`assured-jobs demo`: real orders, real workers, a real Redis, and a kill -9 in the middle.

`shop` is the app, `orders.csv` its input, `stage` what it runs on, `play` what happens, `show` how it is told.
"""
