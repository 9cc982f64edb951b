"""The zoo: losses with a fault that some published loss has had, and losses without one.

A doctor of losses is only as good as the cases it has been tried on. Each faulty loss is a few lines in zoo_NAME.py;
its docstring names the repository where the fault was found, as ``owner/name#number`` or by the name of the loss.
"""

from tests.diagnostics.zoo_data import Sick
from tests.diagnostics.zoo_gradients import GRADIENTS
from tests.diagnostics.zoo_machine import MACHINE
from tests.diagnostics.zoo_numbers import NUMBERS
from tests.diagnostics.zoo_rows import ROWS

SICK: list[Sick] = [*NUMBERS, *GRADIENTS, *ROWS, *MACHINE]
