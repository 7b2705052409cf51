"""Asks for the calendar of a year: `python send.py 2027`."""

import sys

from tasks import print_calendar

message = print_calendar.send(int(sys.argv[1]))
print(f"Sent: {message.message_id}")
