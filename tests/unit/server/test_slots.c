/*
 * test_slots.c - ids that find their socket while it lives, and nobody ever after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "server/slots.h"
#include "server/sock.h"
#include "support/memory.h"

#define LIVES 4000

/* Slots hold pointers and look behind them only for names. */
static struct belfry_sock *sock_number(uintptr_t number)
{
    return (struct belfry_sock *)(number * 16 + 16);
}

struct life {
    uint64_t id;
    bool is_there;
    bool is_retired;
};

static struct life lives[LIVES];
static unsigned visits;

static void count_visit(struct belfry_sock *sock, void *arg)
{
    (void)arg;
    assert_non_null(sock);
    visits++;
}

static void assert_as_expected(struct slots *s, unsigned count)
{
    unsigned there = 0;
    for (unsigned i = 0; i < count; i++) {
        bool may_be_found = lives[i].is_there && !lives[i].is_retired;
        assert_ptr_equal(slots_find(s, lives[i].id), may_be_found ? sock_number(i) : NULL);
        there += lives[i].is_there;
    }
    visits = 0;
    slots_each(s, count_visit, NULL);
    assert_int_equal(visits, there);
    assert_int_equal(s->used, there);
}

static void end_some(struct slots *s, struct random_seeded *r, unsigned count)
{
    struct life *life = &lives[random_below(r, count)];
    if (!life->is_there)
        return;
    if (!life->is_retired && random_below(r, 2) == 0) {
        slots_retire(s, life->id);
        life->is_retired = true;
        return;
    }
    slots_remove(s, life->id);
    life->is_there = false;
}

static void test_an_id_finds_its_socket_and_never_another(void **state)
{
    (void)state;
    struct slots s = { .worker = 5 };
    struct random_seeded r;
    random_seed(&r, 9);
    for (unsigned count = 0; count < LIVES; count++) {
        lives[count] = (struct life){ .is_there = true };
        assert_int_equal(slots_add(&s, sock_number(count), &lives[count].id), BELFRY_OK);
        assert_int_equal(slot_worker_of(lives[count].id), 5);
        assert_true(lives[count].id != 0);
        end_some(&s, &r, count + 1);
        if (count % 200 == 0)
            assert_as_expected(&s, count + 1);
    }
    assert_as_expected(&s, LIVES);
    for (unsigned i = 0; i < LIVES; i++) {
        for (unsigned k = 0; k < 10; k++)
            assert_true(k == i || lives[i].id != lives[k].id);
    }
    slots_deinit(&s);
}

static void test_a_slot_used_again_has_another_id(void **state)
{
    (void)state;
    struct slots s = { .worker = 0 };
    uint64_t first = 0;
    uint64_t id = 0;
    assert_int_equal(slots_add(&s, sock_number(1), &first), BELFRY_OK);
    for (int i = 0; i < 100; i++) {
        uint64_t before = i == 0 ? first : id;
        slots_remove(&s, before);
        assert_int_equal(slots_add(&s, sock_number(2), &id), BELFRY_OK);
        assert_int_equal((uint32_t)id, (uint32_t)before); /* the same slot */
        assert_null(slots_find(&s, before));
        assert_null(slots_find(&s, first));
        assert_ptr_equal(slots_find(&s, id), sock_number(2));
    }
    slots_deinit(&s);
}

static void test_a_generation_that_wraps_skips_zero(void **state)
{
    (void)state;
    struct slots s = { .worker = 0 };
    uint64_t id = 0;
    assert_int_equal(slots_add(&s, sock_number(1), &id), BELFRY_OK);
    slots_remove(&s, id);
    s.chunks[0]->slots[(uint32_t)id].generation = UINT32_MAX;
    assert_int_equal(slots_add(&s, sock_number(2), &id), BELFRY_OK);
    slots_remove(&s, id);
    assert_int_equal(slots_add(&s, sock_number(3), &id), BELFRY_OK);
    assert_int_equal(id >> 32, 1);
    slots_deinit(&s);
}

static void test_ids_that_never_were_find_nobody(void **state)
{
    (void)state;
    struct slots s = { .worker = 3 };
    static const uint64_t odd[] = { 0,
                                    1,
                                    UINT64_MAX,
                                    (uint64_t)1 << 32,
                                    (uint64_t)3 << SLOT_BITS,
                                    (uint64_t)1 << 32 | (uint64_t)3 << SLOT_BITS | 77777 };
    for (size_t i = 0; i < BELFRY_COUNT(odd); i++)
        assert_null(slots_find(&s, odd[i]));
    uint64_t id = 0;
    assert_int_equal(slots_add(&s, sock_number(1), &id), BELFRY_OK);
    for (size_t i = 0; i < BELFRY_COUNT(odd); i++)
        assert_null(slots_find(&s, odd[i]));
    assert_null(slots_find(&s, id ^ (uint64_t)1 << SLOT_BITS)); /* of another worker */
    slots_deinit(&s);
}

static uint64_t ids[3 * SLOT_CHUNK];

static void remove_it(struct belfry_sock *sock, void *arg)
{
    slots_remove(arg, ids[(uintptr_t)sock / 16 - 1]);
    visits++;
}

static void test_a_walk_may_remove_whom_it_visits(void **state)
{
    (void)state;
    struct slots s = { .worker = 0 };
    for (unsigned i = 0; i < BELFRY_COUNT(ids); i++)
        assert_int_equal(slots_add(&s, sock_number(i), &ids[i]), BELFRY_OK);
    visits = 0;
    slots_each(&s, remove_it, &s);
    assert_int_equal(visits, BELFRY_COUNT(ids));
    assert_int_equal(s.used, 0);
    slots_deinit(&s);
}

/* Public ids as a worker makes them, but for a tag that all have in common. */
static void test_a_public_id_finds_its_socket_while_it_lives(void **state)
{
    (void)state;
    static struct belfry_sock socks[LIVES];
    static bool is_named[LIVES];
    struct slots s = { .worker = 1 };
    struct random_seeded r;
    random_seed(&r, 21);
    assert_null(slots_find_public(&s, "AAAB0123456789abcdef"));
    for (unsigned count = 0; count < LIVES; count++) {
        struct belfry_sock *sock = &socks[count];
        memcpy(sock->public_id, "AAAB", 4);
        for (int i = 4; i < PUBLIC_ID_SIZE; i++)
            sock->public_id[i] = (char)('a' + random_below(&r, 26));
        assert_int_equal(slots_add(&s, sock, &sock->member.id), BELFRY_OK);
        assert_null(slots_find_public(&s, sock->public_id));
        slots_name(&s, sock->member.id);
        is_named[count] = true;
        unsigned gone = (unsigned)random_below(&r, count + 1);
        if (is_named[gone] && random_below(&r, 2) == 0)
            slots_retire(&s, socks[gone].member.id);
        else if (is_named[gone])
            slots_remove(&s, socks[gone].member.id);
        is_named[gone] = false;
        if (count % 97 != 0 && count != LIVES - 1)
            continue;
        for (unsigned i = 0; i <= count; i++)
            assert_ptr_equal(slots_find_public(&s, socks[i].public_id),
                             is_named[i] ? &socks[i] : NULL);
    }
    assert_true(s.chunk_count > 4);
    slots_deinit(&s);
}

static void test_without_memory_nothing_is_added(void **state)
{
    (void)state;
    uint64_t id = 7;
    memory_watch();
    for (long n = 1; n <= 2; n++) {
        struct slots s = { .worker = 0 };
        memory_fail_at(n);
        assert_int_equal(slots_add(&s, sock_number(1), &id), BELFRY_ERR_NOMEM);
        assert_int_equal(id, 7);
        assert_int_equal(s.used, 0);
        assert_int_equal(slots_add(&s, sock_number(1), &id), BELFRY_OK);
        assert_ptr_equal(slots_find(&s, id), sock_number(1));
        id = 7;
        slots_deinit(&s);
        assert_int_equal(memory_live(), 0);
    }
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_finds_its_socket_and_never_another),
        cmocka_unit_test(test_a_slot_used_again_has_another_id),
        cmocka_unit_test(test_a_generation_that_wraps_skips_zero),
        cmocka_unit_test(test_ids_that_never_were_find_nobody),
        cmocka_unit_test(test_a_walk_may_remove_whom_it_visits),
        cmocka_unit_test(test_a_public_id_finds_its_socket_while_it_lives),
        cmocka_unit_test(test_without_memory_nothing_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
