"""What a comparison found, put into a model card. Reads report.json and changes one marked block of a Markdown file, nothing else.

>>> import xai_compare as xc
>>> print(xc.attach("reports/credit/report.json", "README.md", dry_run=True))            # doctest: +SKIP
"""

from xai_compare.cards.markdown import attach

__all__ = ["attach"]
