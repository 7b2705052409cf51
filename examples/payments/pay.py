"""`python pay.py p-1 4200` charges 42.00 for the payment p-1; without arguments it shows the books and the bank's."""

import sys

import bank
import books
from tasks import broker, charge_card

if len(sys.argv) > 1:
    payment, cents = sys.argv[1], int(sys.argv[2])
    # The payment's own id becomes the message's: the same in the queue, at the bank and on the command line.
    broker.enqueue(charge_card.message(payment, cents).copy(message_id=payment))
    print(f"{payment} is enqueued.")
else:
    for payment, state in books.payments():
        print(f"our books:  {payment} is {state}")
    for key, cents in bank.charges():
        print(f"the bank's: {key} was charged {cents / 100:.2f}")
