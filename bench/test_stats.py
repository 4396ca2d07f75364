"""python3 -m unittest discover -s bench"""

import random
import unittest

import stats
from scenarios import SCENARIOS, IdleScenario, Scenario, select


class MedianTest(unittest.TestCase):
    def test_odd_and_even_counts(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(stats.median([7]), 7)

    def test_nothing_has_no_median(self):
        with self.assertRaises(ValueError):
            stats.median([])


class IntervalTest(unittest.TestCase):
    def test_ranks_of_the_usual_tables(self):
        known = {6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 50: 18}
        for count, rank in known.items():
            self.assertEqual(stats.interval_rank(count), rank, count)

    def test_too_few_values_give_their_range(self):
        for count in range(1, stats.FEWEST_FOR_INTERVAL):
            values = list(range(count))
            estimate = stats.estimate(values)
            self.assertEqual((estimate.low, estimate.high), (0, count - 1))

    def test_fifteen_values(self):
        estimate = stats.estimate([float(value) for value in range(15, 0, -1)])
        self.assertEqual((estimate.low, estimate.median, estimate.high), (4, 8, 12))

    def test_one_wild_value_changes_little(self):
        calm = stats.estimate([1.0] * 14 + [1.1])
        wild = stats.estimate([1.0] * 14 + [99.0])
        self.assertEqual(calm.median, wild.median)
        self.assertEqual(calm.high, wild.high)

    def test_it_covers_the_median_as_often_as_promised(self):
        source = random.Random(1)
        hits = 0
        for _ in range(2000):
            estimate = stats.estimate([source.lognormvariate(0, 0.5) for _ in range(15)])
            hits += estimate.low <= 1 <= estimate.high
        self.assertGreater(hits / 2000, 0.95)


class BoundTest(unittest.TestCase):
    def test_a_bound_is_met_when_the_interval_reaches_it(self):
        ratio = stats.Estimate(1.12, 1.08, 1.15)
        self.assertTrue(stats.is_met(ratio, at_most=1.10))
        self.assertFalse(stats.is_met(ratio, at_most=1.07))
        self.assertTrue(stats.is_met(ratio, at_least=1.15))
        self.assertFalse(stats.is_met(ratio, at_least=1.16))


class ScenarioTest(unittest.TestCase):
    def test_names_are_unique(self):
        names = [scenario.name for scenario in SCENARIOS]
        self.assertEqual(len(names), len(set(names)))

    def test_each_has_one_bound(self):
        for scenario in SCENARIOS:
            if not isinstance(scenario, IdleScenario):
                self.assertNotEqual(scenario.at_most is None, scenario.at_least is None)

    def test_ratios_point_the_way_of_the_bound(self):
        self.assertEqual(Scenario("a", (), "", "", at_most=1.1).ratio(2, 4), 0.5)
        self.assertEqual(Scenario("b", (), "", "", at_least=1.2).ratio(2, 4), 2)

    def test_words_select(self):
        self.assertEqual(len(select([])), len(SCENARIOS))
        self.assertTrue(all("idle" in scenario.name for scenario in select(["idle"])))
        self.assertEqual(len(select(["workers-n1000-k1"])), 1)  # not -k16 too
        with self.assertRaises(SystemExit):
            select(["no such thing"])


if __name__ == "__main__":
    unittest.main()
