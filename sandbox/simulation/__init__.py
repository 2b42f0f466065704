"""The publishing engine under faults: thousands of invented days, each made from a number and the same every time.

One seed is one day of one organization. The engine and its database are the product's own; the platforms, the clock,
the people and the faults are invented here. After each day `judging` checks that nothing was published twice, lost, or
sent against what people had decided.
"""
