"""That expressions of licences are understood, and that one nobody thought of stops the build."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "packaging"))

import licences  # noqa: E402


class Chosen(unittest.TestCase):
    """Which licences bind."""

    def test_the_preferred_one_of_several_is_taken(self):
        for expression in ("MIT OR Apache-2.0", "Apache-2.0/MIT", "Unlicense OR MIT OR Apache-2.0"):
            self.assertEqual(licences.chosen(expression), ["Apache-2.0"], expression)

    def test_all_of_a_conjunction_bind(self):
        self.assertEqual(licences.chosen("(MIT OR Apache-2.0) AND Unicode-3.0"), ["Apache-2.0", "Unicode-3.0"])
        self.assertEqual(licences.chosen("Apache-2.0 AND ISC"), ["Apache-2.0", "ISC"])

    def test_an_exception_belongs_to_its_licence(self):
        self.assertEqual(licences.chosen("Apache-2.0 WITH LLVM-exception"), ["Apache-2.0 WITH LLVM-exception"])

    def test_an_unknown_alternative_is_left_aside(self):
        self.assertEqual(licences.chosen("GPL-3.0 OR MIT"), ["MIT"])

    def test_what_is_not_allowed_stops_the_build(self):
        for expression in ("GPL-3.0", "MIT AND GPL-3.0", "", "(MIT", "MIT)"):
            with self.assertRaises(ValueError, msg=expression):
                licences.chosen(expression)


if __name__ == "__main__":
    unittest.main()
