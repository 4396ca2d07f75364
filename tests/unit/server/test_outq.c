/*
 * test_outq.c - the queue against an array of frames, at random, with partial writes between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "server/outq.h"
#include "support/memory.h"

#define MOST 64

/* The model: what waits, oldest first, and how much of the first has left. */
struct model_item {
    struct frame *frame; /* a reference of the model's own */
    uint32_t tag;
};

static struct model {
    struct model_item items[MOST];
    unsigned count;
    size_t sent;
} model;

static struct outq q;
static struct frame_releaser releaser;
static struct random_seeded seeded;
static uint8_t next_byte;

static void model_remove(unsigned index)
{
    frame_unref(model.items[index].frame);
    model.count--;
    for (unsigned i = index; i < model.count; i++)
        model.items[i] = model.items[i + 1];
}

static size_t model_bytes(void)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < model.count; i++)
        bytes += model.items[i].frame->size;
    return bytes - model.sent;
}

static bool model_may_drop(unsigned index)
{
    return (model.items[index].tag & OUT_MAY_DROP) != 0 && (index > 0 || model.sent == 0);
}

static struct frame *frame_of(size_t size)
{
    struct frame *frame = frame_new(size);
    assert_non_null(frame);
    for (size_t i = 0; i < size; i++)
        frame->bytes[i] = next_byte++;
    return frame;
}

static void push(size_t size, uint32_t tag)
{
    struct frame *frame = frame_of(size);
    model.items[model.count++] = (struct model_item){ frame_ref(frame), tag };
    assert_int_equal(outq_push(&q, frame, tag), BELFRY_OK);
}

/* The model keeps a frame of its own: the queue's may move. */
static void copy(size_t size)
{
    struct frame *piece = frame_of(size);
    struct model_item *last = model.count > 0 ? &model.items[model.count - 1] : NULL;
    assert_int_equal(outq_copy(&q, piece->bytes, size), BELFRY_OK);
    if (last == NULL || (last->tag & OUT_COPIES) == 0 || last->frame->size + size > 4096) {
        model.items[model.count++] = (struct model_item){ piece, size < 4096 ? OUT_COPIES : 0 };
        return;
    }
    struct frame *both = frame_new(last->frame->size + size);
    assert_non_null(both);
    memcpy(both->bytes, last->frame->bytes, last->frame->size);
    memcpy(both->bytes + last->frame->size, piece->bytes, size);
    frame_unref(last->frame);
    frame_unref(piece);
    last->frame = both;
}

static void consume(size_t size)
{
    outq_consume(&q, size, &releaser);
    model.sent += size;
    while (model.count > 0 && model.sent >= model.items[0].frame->size) {
        model.sent -= model.items[0].frame->size;
        model_remove(0);
    }
}

static void drop_oldest(size_t enough)
{
    unsigned want = 0;
    size_t freed = 0;
    for (unsigned i = 0; i < model.count && freed < enough;) {
        if (!model_may_drop(i)) {
            i++;
            continue;
        }
        want += out_tag_count(model.items[i].tag);
        freed += model.items[i].frame->size;
        model_remove(i);
    }
    assert_int_equal(outq_drop_oldest(&q, enough), want);
}

static void drop_key(uint32_t key)
{
    unsigned want = 0;
    for (unsigned i = 0; i < model.count;) {
        if (model_may_drop(i) && (model.items[i].tag & OUT_KEY_MASK) == key) {
            want += out_tag_count(model.items[i].tag);
            model_remove(i);
        } else {
            i++;
        }
    }
    assert_int_equal(outq_drop_key(&q, key), want);
}

static void pin(size_t bytes)
{
    size_t passed = 0;
    for (unsigned i = 0; i < model.count && passed < bytes; i++) {
        model.items[i].tag &= ~OUT_MAY_DROP;
        passed += model.items[i].frame->size - (i == 0 ? model.sent : 0);
    }
    outq_pin(&q, bytes);
}

static void assert_parts_agree(void)
{
    struct iovec parts[MOST];
    int max = 1 + (int)random_below(&seeded, MOST);
    size_t max_bytes = random_below(&seeded, 400);
    int count = outq_parts(&q, parts, max, max_bytes);
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        size_t skip = i == 0 ? model.sent : 0;
        const struct frame *frame = model.items[i].frame;
        assert_int_equal(parts[i].iov_len, frame->size - skip);
        assert_memory_equal(parts[i].iov_base, frame->bytes + skip, frame->size - skip);
        assert_true(bytes < max_bytes || i == 0);
        bytes += parts[i].iov_len;
    }
    /* It stopped because of one of the bounds, or the end. */
    assert_true(count == max || bytes >= max_bytes || count == (int)model.count);
}

static void assert_agrees(void)
{
    unsigned messages = 0;
    assert_int_equal(outq_is_empty(&q), model.count == 0);
    assert_int_equal(q.bytes, model_bytes());
    assert_int_equal(q.sent, model.sent);
    for (unsigned i = 0; i < model.count; i++) {
        const struct out_item *item = outq_at(&q, i);
        assert_non_null(item);
        assert_int_equal(item->frame->size, model.items[i].frame->size);
        assert_int_equal(item->tag, model.items[i].tag);
        if (item->tag & OUT_MAY_DROP)
            messages += out_tag_count(item->tag);
    }
    assert_null(outq_at(&q, model.count));
    assert_int_equal(outq_message_count(&q), messages);
    if (model.count <= 1)
        assert_null(q.rest); /* one frame needs no memory */
    assert_parts_agree();
}

static uint32_t random_tag(void)
{
    if (random_below(&seeded, 3) == 0)
        return 0; /* a reply */
    return OUT_MAY_DROP | (uint32_t)random_below(&seeded, 64) << OUT_COUNT_SHIFT |
           (uint32_t)random_below(&seeded, 4);
}

static void step(void)
{
    switch (random_below(&seeded, 14)) {
    case 0:
        drop_oldest(random_below(&seeded, 200));
        break;
    case 1:
        drop_key(1 + (uint32_t)random_below(&seeded, 3));
        break;
    case 2:
        pin(random_below(&seeded, model_bytes() + 2));
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        consume(random_below(&seeded, BELFRY_MIN(model_bytes(), (size_t)120) + 1));
        break;
    case 7:
    case 8:
        if (model.count < MOST)
            copy(1 + random_below(&seeded, random_below(&seeded, 20) == 0 ? 5000 : 40));
        break;
    default:
        if (model.count < MOST)
            push(1 + random_below(&seeded, 60), random_tag());
    }
}

static void test_random_use_agrees_with_an_array(void **state)
{
    (void)state;
    memory_watch();
    for (uint64_t seed = 1; seed <= 60; seed++) {
        random_seed(&seeded, seed);
        for (int i = 0; i < 400; i++) {
            step();
            assert_agrees();
        }
        outq_deinit(&q);
        frame_releaser_flush(&releaser);
        while (model.count > 0)
            model_remove(0);
        model.sent = 0;
        assert_int_equal(memory_live(), 0);
    }
    memory_unwatch();
}

static void test_what_was_partly_sent_stays_whatever_is_dropped(void **state)
{
    (void)state;
    push(10, OUT_MAY_DROP | 7);
    push(20, OUT_MAY_DROP | 7);
    push(30, OUT_MAY_DROP | 7);
    consume(4);
    drop_key(7);
    assert_agrees();
    assert_int_equal(model.count, 1);
    drop_oldest(1);
    assert_agrees();
    assert_int_equal(q.bytes, 6);
    consume(6);
    assert_true(outq_is_empty(&q));
    frame_releaser_flush(&releaser);
}

static void test_parts_end_before_what_is_still_to_be_compressed(void **state)
{
    struct iovec parts[4];
    (void)state;
    push(10, 0);
    push(20, OUT_MAY_DROP);
    push(30, OUT_MAY_DROP | OUT_COMPRESS);
    push(40, 0);
    assert_int_equal(outq_parts(&q, parts, 4, 1000), 2);
    consume(10);
    consume(20);
    assert_int_equal(outq_parts(&q, parts, 4, 1000), 0);
    drop_oldest(1);
    assert_int_equal(outq_parts(&q, parts, 4, 1000), 1);
    consume(40);
    frame_releaser_flush(&releaser);
}

static void test_a_frame_counts_its_messages(void **state)
{
    (void)state;
    assert_int_equal(out_tag_count(0), 1);
    assert_int_equal(out_tag_count(63u << OUT_COUNT_SHIFT), 64);
    assert_int_equal(out_tag_count(OUT_MAY_DROP | OUT_COMPRESS | OUT_KEY_MASK), 1);
    push(5, OUT_MAY_DROP | 9u << OUT_COUNT_SHIFT);
    push(5, 9u << OUT_COUNT_SHIFT); /* not a room message */
    assert_int_equal(outq_message_count(&q), 10);
    drop_oldest(1);
    assert_int_equal(outq_message_count(&q), 0);
    consume(5);
    frame_releaser_flush(&releaser);
}

static void test_without_memory_the_frame_is_dropped_and_the_queue_is_as_before(void **state)
{
    (void)state;
    memory_watch();
    struct outq small = { 0 };
    assert_int_equal(outq_push(&small, frame_of(3), 0), BELFRY_OK); /* needs no memory */
    struct frame *second = frame_of(4);
    memory_fail_at(1);
    assert_int_equal(outq_push(&small, second, 0), BELFRY_ERR_NOMEM);
    assert_int_equal(small.bytes, 3);
    assert_int_equal(memory_live(), 1);
    outq_deinit(&small);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

static void test_many_small_pieces_hold_little_more_than_their_bytes(void **state)
{
    (void)state;
    memory_watch();
    for (int i = 0; i < 50000; i++)
        assert_int_equal(outq_copy(&q, "ab", 2), BELFRY_OK);
    assert_int_equal(q.bytes, 100000);
    assert_true(memory_live() < 40); /* frames, not one for each piece */
    memory_fail_at(1);
    belfry_err err = BELFRY_OK;
    while (err == BELFRY_OK)
        err = outq_copy(&q, "ab", 2);
    assert_int_equal(err, BELFRY_ERR_NOMEM);
    assert_int_equal(q.bytes % 2, 0);
    outq_deinit(&q);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

static void test_frames_let_go_in_a_row_are_counted_down_at_once(void **state)
{
    (void)state;
    struct frame *shared = frame_of(3);
    struct frame *other = frame_of(3);
    struct outq queues[5] = { 0 };
    struct frame_releaser row = { 0 };
    frame_ref_many(shared, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(outq_push(&queues[i], shared, 0), BELFRY_OK);
    for (int i = 0; i < 5; i++)
        outq_consume(&queues[i], 3, &row);
    assert_int_equal(atomic_load(&shared->refs), 6); /* nothing touched so far */
    frame_release(&row, frame_ref(other));
    assert_int_equal(atomic_load(&shared->refs), 1);
    frame_releaser_flush(&row);
    frame_releaser_flush(&row);
    assert_int_equal(atomic_load(&other->refs), 1);
    frame_unref(other);
    frame_unref(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_use_agrees_with_an_array),
        cmocka_unit_test(test_what_was_partly_sent_stays_whatever_is_dropped),
        cmocka_unit_test(test_parts_end_before_what_is_still_to_be_compressed),
        cmocka_unit_test(test_a_frame_counts_its_messages),
        cmocka_unit_test(test_without_memory_the_frame_is_dropped_and_the_queue_is_as_before),
        cmocka_unit_test(test_many_small_pieces_hold_little_more_than_their_bytes),
        cmocka_unit_test(test_frames_let_go_in_a_row_are_counted_down_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
