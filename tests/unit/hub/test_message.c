/*
 * test_message.c - a message is one block that copies what it was given; its forms are made once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "hub/message.h"
#include "support/memory.h"

static const struct map_key hash_key = { { 1, 2 } };
static atomic_uint encoded;

static struct frame *encode(const struct message *m, unsigned form_key, void *user)
{
    assert_ptr_equal(user, &encoded);
    atomic_fetch_add(&encoded, 1);
    struct frame *frame = frame_new(m->args.size + 1);
    if (frame == NULL)
        return NULL;
    memcpy(frame->bytes, m->args.data, m->args.size);
    frame->bytes[m->args.size] = (uint8_t)form_key;
    return frame;
}

static struct message *message_of(const char *text)
{
    struct message_spec spec = { .args = bytes_of_text(text) };
    struct message *m = message_new(&spec, &hash_key, 3);
    assert_non_null(m);
    return m;
}

static void test_everything_in_a_spec_is_copied(void **state)
{
    (void)state;
    char text[] = "sender user name args key room1 room2 hall pic";
    belfry_bytes attachments[] = { { text + 43, 3 }, { NULL, 0 }, { text, 2 } };
    struct message_spec spec = {
        .kind = 7,
        .flags = MESSAGE_VOLATILE,
        .room_count = 2,
        .except_count = 1,
        .rooms = { { text + 26, 5 }, { text + 32, 5 } },
        .excepts = { { text + 38, 4 } },
        .except_member = 99,
        .wall_ms = 1234,
        .attachments = attachments,
        .attachment_count = 3,
        .sender = { text, 6 },
        .user = { text + 7, 4 },
        .name = { text + 12, 4 },
        .args = { text + 17, 4 },
        .key = { text + 22, 3 },
    };
    struct message *m = message_new(&spec, &hash_key, 3);
    assert_non_null(m);
    memset(text, '#', sizeof text - 1);
    memset(attachments, 0, sizeof attachments);
    assert_int_equal(m->kind, 7);
    assert_int_equal(m->flags, MESSAGE_VOLATILE);
    assert_int_equal(m->except_member, 99);
    assert_int_equal(m->wall_ms, 1234);
    assert_true(bytes_equal_text(m->sender, "sender"));
    assert_true(bytes_equal_text(m->user, "user"));
    assert_true(bytes_equal_text(m->name, "name"));
    assert_true(bytes_equal_text(m->args, "args"));
    assert_int_equal(m->room_count, 2);
    assert_int_equal(m->except_count, 1);
    static const char *const rooms[] = { "room1", "room2", "hall" };
    for (int i = 0; i < 3; i++) {
        assert_true(bytes_equal_text(m->rooms[i].name, rooms[i]));
        assert_int_equal(m->rooms[i].hash, map_hash(&hash_key, bytes_of_text(rooms[i])));
    }
    static const char *const pictures[] = { "pic", "", "se" };
    assert_int_equal(m->attachment_count, 3);
    for (int i = 0; i < 3; i++)
        assert_true(bytes_equal_text(m->attachments[i], pictures[i]));
    assert_false(m->has_ack);
    for (int w = 0; w < 3; w++)
        assert_ptr_equal(m->deliveries[w].message, m);
    assert_true(m->cost >= sizeof *m + strlen(text));
    assert_null(message_unref(m));
}

static void test_what_is_to_be_answered_is_not_for_history(void **state)
{
    (void)state;
    struct message_spec spec = { .flags = MESSAGE_NO_COMPRESS, .has_ack = true, .ack_id = 1 };
    spec.ack_id <<= 40;
    struct message *m = message_new(&spec, &hash_key, 1);
    assert_non_null(m);
    assert_true(m->has_ack);
    assert_true(m->ack_id == spec.ack_id);
    assert_int_equal(m->flags, MESSAGE_NO_COMPRESS | MESSAGE_UNLOGGED);
    message_unref(m);
}

static void test_all_bytes_are_in_the_cost(void **state)
{
    (void)state;
    static char large[10000];
    struct message *plain = message_of("hello");
    belfry_bytes attachments[] = { { large, sizeof large }, { large, sizeof large } };
    struct message_spec spec = { .args = BELFRY_BYTES("hello"),
                                 .attachments = attachments,
                                 .attachment_count = 2 };
    struct message *m = message_new(&spec, &hash_key, 3);
    assert_non_null(m);
    assert_true(m->cost >= plain->cost + 2 * sizeof large);
    message_unref(m);
    message_unref(plain);
}

/* Who sends, as what user, to which room, with which key. */
static const struct key_case {
    const char *sender, *user, *room, *key;
    bool is_same; /* as the first row's */
} key_cases[] = {
    { "s1", "ada", "r", "k", true },  { "s2", "ada", "r", "k", true }, /* the user is who sends */
    { "s1", "bob", "r", "k", false }, { "s1", "ada", "q", "k", false },
    { "s1", "ada", "r", "j", false }, { "s1", "", "r", "k", false },
    { "s1", "ada", "", "rk", false },
};

static void test_a_key_counts_per_sender_and_room(void **state)
{
    (void)state;
    struct message *first = NULL;
    for (const struct key_case *c = key_cases; c != BELFRY_END(key_cases); c++) {
        struct message_spec spec = { .room_count = c->room[0] != '\0',
                                     .rooms = { bytes_of_text(c->room) },
                                     .sender = bytes_of_text(c->sender),
                                     .user = bytes_of_text(c->user),
                                     .key = bytes_of_text(c->key) };
        struct message *m = message_new(&spec, &hash_key, 1);
        assert_non_null(m);
        if (first == NULL)
            first = message_ref(m);
        assert_int_equal(bytes_equal(m->key, first->key), c->is_same);
        assert_int_equal(m->by_key.hash == first->by_key.hash, c->is_same);
        message_unref(m);
    }
    message_unref(first);
}

static void test_without_a_key_there_is_none(void **state)
{
    (void)state;
    struct message *m = message_of("hello");
    assert_int_equal(m->key.size, 0);
    message_unref(m);
}

static void test_each_form_is_encoded_once(void **state)
{
    (void)state;
    struct message *m = message_of("hello");
    atomic_store(&encoded, 0);
    struct frame *plain = message_form(m, 'p', encode, &encoded);
    struct frame *other = message_form(m, 'o', encode, &encoded);
    assert_memory_equal(plain->bytes, "hellop", 6);
    assert_memory_equal(other->bytes, "helloo", 6);
    assert_ptr_equal(message_form(m, 'p', encode, &encoded), plain);
    assert_ptr_equal(message_form(m, 'o', encode, &encoded), other);
    assert_int_equal(encoded, 2);
    message_unref(m);
}

static void test_a_frame_outlives_its_message(void **state)
{
    (void)state;
    struct message *m = message_of("hello");
    struct frame *frame = frame_ref(message_form(m, 'p', encode, &encoded));
    message_unref(m);
    assert_memory_equal(frame->bytes, "hellop", 6);
    frame_unref(frame);
}

static void test_every_failing_allocation_leaves_nothing(void **state)
{
    (void)state;
    memory_watch();
    for (long n = 1;; n++) {
        memory_fail_at(n);
        struct message_spec spec = { .args = BELFRY_BYTES("hello") };
        struct message *m = message_new(&spec, &hash_key, 1);
        if (m != NULL) {
            bool has_form = message_form(m, 'p', encode, &encoded) != NULL;
            assert_true(has_form != memory_has_failed());
        }
        bool has_failed = memory_has_failed();
        if (m != NULL) /* a form that failed is made by the next who asks */
            assert_non_null(message_form(m, 'p', encode, &encoded));
        message_unref(m);
        assert_int_equal(memory_live(), 0);
        if (!has_failed)
            break;
    }
    memory_unwatch();
}

/* --- many threads want the same forms --------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 300
#define FORMS 5

static struct message *shared[ROUNDS];
static struct frame *found[THREADS][ROUNDS][FORMS];

static void *want_forms(void *arg)
{
    struct frame *(*mine)[FORMS] = arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned key = 0; key < FORMS; key++)
            mine[round][key] = message_form(shared[round], key, encode, &encoded);
        message_unref(shared[round]);
    }
    return NULL;
}

static void test_threads_that_encode_at_the_same_time_agree(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        shared[i] = message_of("hello");
        for (unsigned t = 0; t < THREADS; t++)
            message_ref(shared[i]);
    }
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, want_forms, found[t]), 0);
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (unsigned key = 0; key < FORMS; key++) {
            for (unsigned t = 0; t < THREADS; t++)
                assert_ptr_equal(found[t][i][key], found[0][i][key]);
            assert_int_equal(found[0][i][key]->bytes[5], key);
        }
        message_unref(shared[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_in_a_spec_is_copied),
        cmocka_unit_test(test_what_is_to_be_answered_is_not_for_history),
        cmocka_unit_test(test_all_bytes_are_in_the_cost),
        cmocka_unit_test(test_a_key_counts_per_sender_and_room),
        cmocka_unit_test(test_without_a_key_there_is_none),
        cmocka_unit_test(test_each_form_is_encoded_once),
        cmocka_unit_test(test_a_frame_outlives_its_message),
        cmocka_unit_test(test_every_failing_allocation_leaves_nothing),
        cmocka_unit_test(test_threads_that_encode_at_the_same_time_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
