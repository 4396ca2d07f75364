"""python3 -m unittest discover -s bench"""

import unittest

import report


class SectionTest(unittest.TestCase):
    def test_a_section_is_added_at_the_end(self):
        self.assertEqual(report.put_section("# R\n\nx\n", "New", "## New\n\ny\n"),
                         "# R\n\nx\n\n## New\n\ny\n")

    def test_a_section_is_replaced_wherever_it_is(self):
        text = "# R\n\n## A\n\nold\n\n## B\n\nb\n"
        self.assertEqual(report.put_section(text, "A", "## A\n\nnew\n"),
                         "# R\n\n## A\n\nnew\n\n## B\n\nb\n")
        self.assertEqual(report.put_section(text, "B", "## B\n\nnew\n"),
                         "# R\n\n## A\n\nold\n\n## B\n\nnew\n")


if __name__ == "__main__":
    unittest.main()
