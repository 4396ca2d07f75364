/*
 * test_histogram.c - quantiles are right to within a bucket, and buckets are narrow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "bench/histogram.h"

static struct histogram h; /* too large for the stack */

static int setup(void **state)
{
    (void)state;
    histogram_clear(&h);
    return 0;
}

static void test_without_records_every_quantile_is_zero(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&h, 0), 0);
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    assert_int_equal(histogram_quantile(&h, 1), 0);
}

static void test_small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 256; value++) {
        histogram_clear(&h);
        histogram_add(&h, value, 1);
        histogram_add(&h, 100000, 1);
        assert_int_equal(histogram_quantile(&h, 0.5), value);
    }
}

static void test_quantiles_of_one_to_hundred(void **state)
{
    (void)state;
    static const struct quantile_case {
        double quantile;
        uint64_t want;
    } cases[] = {
        { 0, 1 }, { 0.01, 1 }, { 0.011, 2 }, { 0.5, 50 }, { 0.99, 99 }, { 0.999, 100 }, { 1, 100 },
    };
    for (uint64_t value = 1; value <= 100; value++)
        histogram_add(&h, value, 1);
    for (const struct quantile_case *c = cases; c != BELFRY_END(cases); c++)
        assert_int_equal(histogram_quantile(&h, c->quantile), c->want);
}

static void test_a_weight_counts_as_so_many_records(void **state)
{
    (void)state;
    histogram_add(&h, 10, 999);
    histogram_add(&h, 200, 1);
    histogram_add(&h, 250, 0);
    assert_int_equal(h.count, 1000);
    assert_int_equal(h.max, 200);
    assert_int_equal(histogram_quantile(&h, 0.999), 10);
    assert_int_equal(histogram_quantile(&h, 0.9991), 200);
}

/* A lone value among larger ones must come back no smaller, and less than 1 % larger. */
static void test_buckets_are_narrow_and_round_up(void **state)
{
    (void)state;
    struct random_seeded random;
    random_seed(&random, 7);
    for (int i = 0; i < 2000; i++) {
        uint64_t value = random_next(&random) >> (24 + random_below(&random, 40));
        histogram_clear(&h);
        histogram_add(&h, value, 1);
        histogram_add(&h, UINT64_MAX, 1);
        uint64_t got = histogram_quantile(&h, 0.5);
        assert_true(got >= value);
        assert_true(got - value <= value / 100);
    }
}

static void test_edges_of_powers_of_two_keep_their_order(void **state)
{
    (void)state;
    uint64_t previous = 0;
    for (unsigned bit = 1; bit < HISTOGRAM_VALUE_BITS; bit++) {
        for (int step = -1; step <= 1; step++) {
            histogram_clear(&h);
            histogram_add(&h, (UINT64_C(1) << bit) + (uint64_t)step, 1);
            histogram_add(&h, UINT64_MAX, 1);
            uint64_t got = histogram_quantile(&h, 0.5);
            assert_true(got >= previous || bit < 3);
            previous = got;
        }
    }
}

static void test_values_beyond_the_range_are_kept_by_the_maximum(void **state)
{
    (void)state;
    histogram_add(&h, UINT64_MAX, 3);
    assert_int_equal(h.count, 3);
    assert_true(histogram_quantile(&h, 1) >= (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_without_records_every_quantile_is_zero, setup),
        cmocka_unit_test_setup(test_small_values_are_exact, setup),
        cmocka_unit_test_setup(test_quantiles_of_one_to_hundred, setup),
        cmocka_unit_test_setup(test_a_weight_counts_as_so_many_records, setup),
        cmocka_unit_test_setup(test_buckets_are_narrow_and_round_up, setup),
        cmocka_unit_test_setup(test_edges_of_powers_of_two_keep_their_order, setup),
        cmocka_unit_test_setup(test_values_beyond_the_range_are_kept_by_the_maximum, setup),
    };
    return cmocka_run_group_tests_name("bench/histogram", tests, NULL, NULL);
}
