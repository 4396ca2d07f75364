/*
 * test_churn.c - rooms that come and go, 200 000 of them (or CHURN_ROOMS): what is remembered of
 * all of them together stays within the bytes that were configured, rooms and tables included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "support/memory.h"
#include "unit/hub/crowd.h"

#define LOG_BYTES (4 << 20)
#define LOOK_EVERY 1000

static struct crowd crowd;
static struct person ada;

static unsigned room_count(void)
{
    const char *text = getenv("CHURN_ROOMS");
    return text != NULL ? (unsigned)atoi(text) : 200000;
}

static void test_memory_stays_within_the_bytes_of_the_log(void **state)
{
    (void)state;
    struct hub_limits limits = crowd_limits;
    limits.history.max_log_bytes = LOG_BYTES;
    limits.history.max_age_ms = 1000000000;
    limits.max_rooms = 10000000;
    memory_watch();
    crowd_open(&crowd, 2, &limits);
    crowd_add(&crowd, &ada, 0, "ada");
    long before = memory_bytes();
    long most = 0;
    for (unsigned i = 0; i < room_count(); i++) {
        char room[24];
        (void)snprintf(room, sizeof room, "room-%u", i);
        crowd_join(&ada, room);
        (void)crowd_say(&crowd, crowd.hub.shards, room, "a word or two, as people say in rooms");
        if (i % 3 == 0)
            (void)crowd_say(&crowd, crowd.hub.shards, room, "and one more");
        (void)person_take(&ada);
        (void)crowd_leave(&ada, room);
        crowd.wall_ms += i % 10 == 0;
        if (i % LOOK_EVERY == 0) {
            most = BELFRY_MAX(most, memory_bytes() - before);
            hub_expire(&crowd.hub.root, crowd.wall_ms);
        }
    }
    assert_in_range(most, LOG_BYTES / 2, LOG_BYTES); /* it was used, and it was enough */
    assert_in_range(hub_room_count(&crowd.hub.root), 1000, 10000);
    crowd_close(&crowd);
    assert_int_equal(memory_live(), 0);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_stays_within_the_bytes_of_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
