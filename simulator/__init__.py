"""A stand-in Stripe on the loopback interface: its API, pages, script and webhooks, stateful per secret key.

/v1/...              the API: what of contract.json is simulated is in resources/, the rest is answered 501
/c/pay/<session>     the hosted payment page; /c/3ds/<intent> the bank's page for cards that ask for authentication
/js/stripe.js        the stand-in Stripe.js with its Payment Element: stripe_js.py
/_sim/...            faults, time, endpoints, accounts, requests, deliveries, state: control.py
                     what banks, dashboards and wrong sums do: staging.py

Every answer and event is held to contract.json when asked to (`--self-check`). Test cards are in methods.py. What a
person does in Stripe's dashboard to coupons, tax rates and webhook endpoints, a test does by the API with the key.
It imports nothing of the shop's: what it says of money is computed twice, here in totals.py.
"""
