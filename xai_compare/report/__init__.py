"""Results made readable: statistics -> report.json -> blocks -> one HTML file. Three pure stages and a writer.

>>> from xai_compare import report                                # doctest: +SKIP
>>> made = report.build(results, comparison)                      # doctest: +SKIP
>>> report.write(made, Path("audit"))                             # doctest: +SKIP

Importing this package loads neither matplotlib nor jinja2: the stages load them when they run.
"""

# The functions are named after the modules they live in. Importing them here, once, puts the functions in the modules' place for good.
from xai_compare.report.build import build
from xai_compare.report.notebook import brief
from xai_compare.report.render import render
from xai_compare.report.write import rerender, validate, write

__all__ = ["brief", "build", "render", "rerender", "validate", "write"]
