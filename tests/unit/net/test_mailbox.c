/*
 * test_mailbox.c - many threads push, one takes: nothing is lost and each sender's order holds.
 * Worth running under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "net/mailbox.h"

#define PRODUCERS 4
#define POSTS 20000

struct letter {
    struct post post;
    unsigned sender;
    unsigned number; /* of its sender */
};

struct producer {
    struct mailbox *box;
    unsigned wakes; /* pushes that found the box empty */
    struct letter letters[POSTS];
};

static struct producer producers[PRODUCERS];

static void *produce(void *arg)
{
    struct producer *p = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        p->letters[i] = (struct letter){ .sender = (unsigned)(p - producers), .number = i };
        if (mailbox_push(p->box, &p->letters[i].post))
            p->wakes++;
    }
    return NULL;
}

/* Takes until all have come; returns how many takes found something. */
static unsigned consume_all(struct mailbox *box)
{
    unsigned next[PRODUCERS] = { 0 };
    unsigned takes = 0;
    for (unsigned count = 0; count < PRODUCERS * POSTS;) {
        struct post *post = mailbox_take(box);
        if (post == NULL)
            (void)sched_yield();
        else
            takes++;
        for (; post != NULL; post = post->next) {
            const struct letter *letter = BELFRY_CONTAINER_OF(post, struct letter, post);
            assert_int_equal(letter->number, next[letter->sender]);
            next[letter->sender]++;
            count++;
        }
    }
    return takes;
}

static void test_each_sender_is_heard_in_order_and_each_batch_wakes_once(void **state)
{
    (void)state;
    struct mailbox box = { NULL };
    pthread_t threads[PRODUCERS];
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i].box = &box;
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    unsigned takes = consume_all(&box);
    unsigned wakes = 0;
    for (unsigned i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        wakes += producers[i].wakes;
    }
    assert_int_equal(wakes, takes);
    assert_true(mailbox_is_empty(&box));
}

static void test_an_empty_box_gives_nothing_and_the_first_push_says_wake(void **state)
{
    (void)state;
    struct mailbox box = { NULL };
    struct post posts[3];
    assert_null(mailbox_take(&box));
    for (int round = 0; round < 3; round++) {
        assert_true(mailbox_push(&box, &posts[0]));
        assert_false(mailbox_push(&box, &posts[1]));
        assert_false(mailbox_push(&box, &posts[2]));
        assert_false(mailbox_is_empty(&box));
        struct post *taken = mailbox_take(&box);
        assert_ptr_equal(taken, &posts[0]);
        assert_ptr_equal(taken->next, &posts[1]);
        assert_ptr_equal(taken->next->next, &posts[2]);
        assert_null(taken->next->next->next);
        assert_true(mailbox_is_empty(&box));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_box_gives_nothing_and_the_first_push_says_wake),
        cmocka_unit_test(test_each_sender_is_heard_in_order_and_each_batch_wakes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
