"""Makes `bad_files` and `bad_input_cases` importable by the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
