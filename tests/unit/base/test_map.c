/*
 * A map against a plain array: whatever is done to both, they hold the same.
 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"

#define ITEMS 5000

struct item {
    struct map_node node;
    unsigned number;
    unsigned seen;
    bool is_in;
};

static struct item items[ITEMS];
static size_t items_in;
static const struct map_key key = { { 1, 2 } };

static bool has_number(const struct map_node *node, const void *context)
{
    const unsigned *number = context;
    return BELFRY_CONTAINER_OF(node, struct item, node)->number == *number;
}

static void put(struct map *m, unsigned number)
{
    items[number].is_in = true;
    items_in++;
    map_insert(m, &items[number].node);
}

static void take(struct map *m, unsigned number)
{
    items[number].is_in = false;
    items_in--;
    map_remove(m, &items[number].node);
}

static int reset(void **state)
{
    (void)state;
    memset(items, 0, sizeof items);
    items_in = 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].number = i;
        items[i].node.hash = map_hash(&key, bytes_of(&i, sizeof i));
    }
    return 0;
}

static void assert_found_as_expected(const struct map *m)
{
    assert_int_equal(m->count, items_in);
    for (unsigned i = 0; i < ITEMS; i++) {
        struct map_node *found = map_find(m, items[i].node.hash, has_number, &i);
        assert_ptr_equal(found, items[i].is_in ? &items[i].node : NULL);
    }
}

static void assert_walked_once(const struct map *m)
{
    struct map_cursor cursor = { 0 };
    struct map_node *node;
    for (unsigned i = 0; i < ITEMS; i++)
        items[i].seen = 0;
    while ((node = map_next(m, &cursor)) != NULL)
        BELFRY_CONTAINER_OF(node, struct item, node)->seen++;
    for (unsigned i = 0; i < ITEMS; i++)
        assert_int_equal(items[i].seen, items[i].is_in);
}

/* Fills and empties in waves, so that growing and shrinking meet each other half done. */
static void play(struct map *m, uint64_t seed, unsigned steps)
{
    struct random_seeded r;
    random_seed(&r, seed);
    unsigned puts_of_8 = 4;
    for (unsigned step = 0; step < steps; step++) {
        if (random_below(&r, 2000) == 0)
            puts_of_8 = (unsigned)random_below(&r, 9);
        unsigned number = (unsigned)random_below(&r, ITEMS);
        bool is_put = random_below(&r, 8) < puts_of_8;
        if (is_put && !items[number].is_in)
            put(m, number);
        else if (!is_put && items[number].is_in)
            take(m, number);
        if (random_below(&r, 500) == 0)
            (void)map_tidy(m, random_below(&r, 40));
        if (step % 4096 == 0) {
            assert_found_as_expected(m);
            assert_walked_once(m);
        }
    }
}

static void test_random_operations_agree_with_a_model(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct map m = { 0 };
        (void)reset(state);
        print_message("BELFRY_SEED=%u\n", (unsigned)seed);
        play(&m, seed, 60000);
        map_deinit(&m);
    }
}

static unsigned allocs_refused_of_4;
static struct random_seeded refusals;

static void *alloc_or_not(size_t size)
{
    return random_below(&refusals, 4) < allocs_refused_of_4 ? NULL : malloc(size);
}

static void test_operations_go_on_when_resizing_finds_no_memory(void **state)
{
    for (allocs_refused_of_4 = 3; allocs_refused_of_4 <= 4; allocs_refused_of_4++) {
        struct map m = { 0 };
        (void)reset(state);
        random_seed(&refusals, 1);
        mem_set_functions(alloc_or_not, NULL, NULL);
        play(&m, 7, 30000);
        mem_set_functions(NULL, NULL, NULL);
        assert_found_as_expected(&m);
        map_deinit(&m);
    }
}

static size_t bucket_count(const struct map *m)
{
    return m->now.mask + 1;
}

static void test_a_filled_map_has_about_a_bucket_for_each_node(void **state)
{
    (void)state;
    struct map m = { 0 };
    for (unsigned i = 0; i < ITEMS; i++) {
        put(&m, i);
        assert_true(m.count <= bucket_count(&m));
        assert_true(bucket_count(&m) <= 2 * m.count + 8);
    }
    map_deinit(&m);
}

static void test_an_insert_moves_few_buckets(void **state)
{
    (void)state;
    struct map m = { 0 };
    for (unsigned i = 0; i < ITEMS; i++) {
        size_t moved_before = m.is_moving ? m.moved : 0;
        put(&m, i);
        assert_true(!m.is_moving || m.moved <= moved_before + 16);
    }
    map_deinit(&m);
}

static void test_a_map_that_empties_shrinks_by_inserts_or_tidying(void **state)
{
    (void)state;
    struct map m = { 0 };
    for (unsigned i = 0; i < ITEMS; i++)
        put(&m, i);
    for (unsigned i = 10; i < ITEMS; i++)
        take(&m, i);
    assert_true(bucket_count(&m) >= ITEMS); /* removing moves nothing */
    for (unsigned i = 10; i < 1000; i++) {
        put(&m, i);
        take(&m, i);
    }
    assert_true(bucket_count(&m) < ITEMS / 4);
    while (map_tidy(&m, 64))
        assert_found_as_expected(&m);
    assert_true(bucket_count(&m) <= 128);
    for (unsigned i = 0; i < 10; i++)
        take(&m, i);
    assert_null(m.now.buckets);
    assert_null(m.old.buckets);
    assert_found_as_expected(&m);
}

static void test_the_node_walked_last_may_be_removed(void **state)
{
    (void)state;
    /* Every size, so that the walk meets every stage of a move. */
    for (unsigned size = 1; size < 200; size++) {
        struct map m = { 0 };
        for (unsigned i = 0; i < size; i++)
            put(&m, i);
        struct map_cursor cursor = { 0 };
        struct map_node *node;
        unsigned walked = 0;
        while ((node = map_next(&m, &cursor)) != NULL) {
            unsigned number = BELFRY_CONTAINER_OF(node, struct item, node)->number;
            walked++;
            if (number % 3 != 0 || size % 2 == 0)
                take(&m, number);
        }
        assert_int_equal(walked, size);
        assert_found_as_expected(&m);
        (void)reset(state);
        map_deinit(&m);
    }
}

static void test_nodes_with_one_hash_are_told_apart(void **state)
{
    (void)state;
    struct map m = { 0 };
    for (unsigned i = 0; i < 100; i++) {
        items[i].node.hash = 42;
        put(&m, i);
    }
    for (unsigned i = 0; i < 100; i++)
        assert_ptr_equal(map_find(&m, 42, has_number, &i), &items[i].node);
    for (unsigned i = 0; i < 100; i += 2)
        take(&m, i);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(map_find(&m, 42, has_number, &i) != NULL, i % 2);
    map_deinit(&m);
}

/* Computed with CPython 3.11, whose hash() of bytes is SipHash-1-3 with the all-zero key when
 * PYTHONHASHSEED is 0; the input is 00, 01, 02... */
static const struct hash_case {
    size_t size;
    uint64_t want;
} hash_cases[] = {
    { 1, 0x68a914128e01e473u },  { 7, 0x2f098ab0c751325au },  { 8, 0xead411e67ebe2eeau },
    { 9, 0x75927f9d95124362u },  { 15, 0xf30eb725bb91c9eau }, { 16, 0x8972188433a5c5b7u },
    { 33, 0x7fb71d24dfa4c9f6u }, { 63, 0x385d3e39e5f37359u },
};

static void test_hash_is_siphash_1_3(void **state)
{
    (void)state;
    const struct map_key zero = { { 0, 0 } };
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (const struct hash_case *c = hash_cases; c != BELFRY_END(hash_cases); c++)
        assert_true(map_hash(&zero, bytes_of(bytes, c->size)) == c->want);
}

static void test_another_key_gives_another_hash(void **state)
{
    (void)state;
    const struct map_key other = { { 1, 3 } };
    assert_true(map_hash(&key, BELFRY_BYTES("lobby")) != map_hash(&other, BELFRY_BYTES("lobby")));
    assert_true(map_hash(&key, BELFRY_BYTES("lobby")) != map_hash(&key, BELFRY_BYTES("lobbz")));
    assert_true(map_hash(&key, BELFRY_BYTES("")) != map_hash(&key, BELFRY_BYTES("\0")));
    assert_true(map_hash(&key, bytes_of(NULL, 0)) == map_hash(&key, BELFRY_BYTES("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations_agree_with_a_model),
        cmocka_unit_test(test_operations_go_on_when_resizing_finds_no_memory),
        cmocka_unit_test_setup(test_a_filled_map_has_about_a_bucket_for_each_node, reset),
        cmocka_unit_test_setup(test_an_insert_moves_few_buckets, reset),
        cmocka_unit_test_setup(test_a_map_that_empties_shrinks_by_inserts_or_tidying, reset),
        cmocka_unit_test_setup(test_the_node_walked_last_may_be_removed, reset),
        cmocka_unit_test_setup(test_nodes_with_one_hash_are_told_apart, reset),
        cmocka_unit_test(test_hash_is_siphash_1_3),
        cmocka_unit_test(test_another_key_gives_another_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
