/*
 * sim_judge.c - the log of each room, put together from what all clients saw, against what each
 * of them saw.
 *
 *   log of r0:   p3 p4 p7 p9 p12
 *   stay:           [p4 p7 p9]  closed: from its start to the last it heard, without holes
 *   stay:              [p7 p9 p12]  open: to the end
 *   snapshot:    (since] ... last]  the log between, or a gap
 */
#include "support/sim_judge.h"

#include <stdlib.h>

#include "base/json.h"
#include "support/sim_seeds.h"

/* --- the log ----------------------------------------------------------------------------------*/

struct room_log {
    const struct sim_post **posts; /* logged ones whose id is known, by id */
    size_t count;
};

static int compare_posts(const void *a, const void *b)
{
    const struct sim_post *const *x = a;
    const struct sim_post *const *y = b;
    return message_id_compare((*x)->id, (*y)->id);
}

static struct room_log make_log(const struct sim_rooms *rooms, unsigned room)
{
    struct room_log log = { calloc(rooms->post_count + 1, sizeof *log.posts), 0 };
    SIM_CHECK(log.posts != NULL, "the test is out of memory");
    for (size_t i = 0; i < rooms->post_count; i++) {
        const struct sim_post *post = &rooms->posts[i];
        if (post->room == room && post->kind != SIM_VOLATILE && post->is_known)
            log.posts[log.count++] = post;
    }
    qsort(log.posts, log.count, sizeof(struct sim_post *), compare_posts);
    for (size_t i = 1; i < log.count; i++)
        SIM_CHECK(compare_posts(&log.posts[i - 1], &log.posts[i]) < 0, "two posts with one id");
    return log;
}

/* The index of the first post behind @id. */
static size_t log_after(const struct room_log *log, struct message_id id)
{
    size_t i = 0;
    while (i < log->count && message_id_compare(log->posts[i]->id, id) <= 0)
        i++;
    return i;
}

/* Was something said of which nobody knows whether it was published: its sender hung up? */
static bool has_unknown(const struct sim_rooms *rooms, unsigned room)
{
    for (size_t i = 0; i < rooms->post_count; i++) {
        const struct sim_post *post = &rooms->posts[i];
        if (post->room == room && post->kind != SIM_VOLATILE && !post->is_known)
            return true;
    }
    return false;
}

static unsigned number_of(const struct sim_rooms *rooms, const struct sim_post *post)
{
    return (unsigned)(post - rooms->posts);
}

/* --- stays ------------------------------------------------------------------------------------*/

/* Its own events do not come back; of one that was repeated nobody knows which attempt counted. */
static bool may_miss(const struct sim_stay *stay, const struct sim_post *post)
{
    if (post->kind != SIM_EVENT)
        return false;
    return post->sender == stay->visit || post->sent_count > 1;
}

static void judge_stay(const struct sim_rooms *rooms, const struct room_log *log,
                       const struct sim_stay *stay)
{
    size_t at = log_after(log, stay->start);
    for (size_t i = 0; i < stay->heard.count; i++) {
        const struct sim_post *heard = &rooms->posts[stay->heard.items[i]];
        while (at < log->count && log->posts[at] != heard && may_miss(stay, log->posts[at]))
            at++;
        SIM_CHECK(at < log->count && log->posts[at] == heard,
                  "r%u: p%u was heard where p%u was to come", stay->room, stay->heard.items[i],
                  at < log->count ? number_of(rooms, log->posts[at]) : 0);
        at++;
    }
    if (stay->is_over)
        return;
    for (; at < log->count; at++)
        SIM_CHECK(may_miss(stay, log->posts[at]), "r%u: p%u was not heard by a member", stay->room,
                  number_of(rooms, log->posts[at]));
}

/* Dropping is allowed, if it was announced; order and "once" were checked live. */
static void judge_lossy_stay(const struct sim_rooms *rooms, const struct room_log *log,
                             const struct sim_stay *stay)
{
    size_t expected = 0;
    for (size_t at = log_after(log, stay->start); at < log->count; at++)
        expected += !may_miss(stay, log->posts[at]);
    (void)rooms;
    if (!stay->is_over && stay->heard.count < expected)
        SIM_CHECK(stay->has_gap, "r%u: %zu of %zu were heard, and no gap was announced", stay->room,
                  stay->heard.count, expected);
}

/* --- snapshots --------------------------------------------------------------------------------*/

static void judge_snapshot(const struct sim_rooms *rooms, const struct room_log *log,
                           const struct sim_snapshot *s)
{
    size_t end = log_after(log, s->last);
    size_t start = end - BELFRY_MIN(s->history.count, end);
    SIM_CHECK(s->history.count <= end, "r%u: history from the future", s->room);
    for (size_t i = 0; i < s->history.count; i++)
        SIM_CHECK(number_of(rooms, log->posts[start + i]) == s->history.items[i],
                  "r%u: p%u in a history where p%u was to stand", s->room, s->history.items[i],
                  number_of(rooms, log->posts[start + i]));
    size_t most = rooms->may_forget ? end : BELFRY_MIN(end, (size_t)rooms->history_limit);
    size_t wanted = 0;
    switch (s->since) {
    case HUB_SINCE_NOW:
        break;
    case HUB_SINCE_COUNT:
        wanted = BELFRY_MIN((size_t)s->count, most);
        SIM_CHECK(!s->has_gap, "r%u: a gap where the last %u were asked for", s->room, s->count);
        break;
    case HUB_SINCE_UNKNOWN:
        wanted = most;
        SIM_CHECK(s->has_gap, "r%u: a position of elsewhere without a gap", s->room);
        break;
    case HUB_SINCE_ID: {
        if (message_id_compare(s->since_id, s->last) > 0) {
            SIM_CHECK(s->has_gap, "r%u: a position from the future without a gap", s->room);
            return;
        }
        size_t missed = end - log_after(log, s->since_id);
        bool is_missing = s->history.count < missed;
        SIM_CHECK(s->history.count <= missed, "r%u: history before the position", s->room);
        SIM_CHECK(s->has_gap || !is_missing, "r%u: %zu of %zu missed, and no gap", s->room,
                  missed - s->history.count, missed);
        SIM_CHECK(!s->has_gap || is_missing || rooms->may_forget || has_unknown(rooms, s->room),
                  "r%u: a gap without reason", s->room);
        wanted = BELFRY_MIN(missed, most);
        break;
    }
    }
    SIM_CHECK(rooms->may_forget ? s->history.count <= wanted : s->history.count == wanted,
              "r%u: a history of %zu, not %zu", s->room, s->history.count, wanted);
}

/* --- everything -------------------------------------------------------------------------------*/

static void judge_unlogged(const struct sim_rooms *rooms)
{
    for (size_t i = 0; i < rooms->post_count; i++) {
        const struct sim_post *post = &rooms->posts[i];
        SIM_CHECK(message_id_compare(post->after, post->before) < 0,
                  "p%zu was heard at different places", i);
    }
}

static size_t count_members(const struct sim_rooms *rooms, unsigned room)
{
    size_t members = 0;
    for (size_t i = 0; i < rooms->stay_count; i++)
        members += rooms->stays[i]->room == room && !rooms->stays[i]->is_over;
    return members;
}

static void judge_counts(const struct sim_rooms *rooms)
{
    for (size_t i = 0; i < rooms->stay_count; i++) {
        const struct sim_stay *stay = rooms->stays[i];
        size_t members = count_members(rooms, stay->room);
        if (!stay->is_over && !stay->has_gap)
            SIM_CHECK(stay->members == members, "r%u: counts %u of %zu members", stay->room,
                      (unsigned)stay->members, members);
    }
}

void sim_judge_members(struct sim_visit *visit, const struct sim_said *said)
{
    const struct sim_rooms *rooms = visit->rooms;
    unsigned room = (unsigned)(((const char *)said->room.data)[1] - '0');
    struct json_iter it;
    struct json_member item;
    size_t listed = 0;
    SIM_CHECK(said->member_count == count_members(rooms, room), "a wrong count of members");
    json_iter_init(&it, said->members, 64, JSON_KIND_ARRAY);
    while (json_iter_next(&it, &item)) {
        struct sim_said person;
        bool is_there = false;
        SIM_CHECK(sim_said_read(&person, item.value.text), "a member is not an object");
        for (size_t i = 0; i < rooms->stay_count && !is_there; i++) {
            const struct sim_stay *stay = rooms->stays[i];
            is_there = stay->room == room && !stay->is_over &&
                       bytes_equal_text(person.id, stay->visit->client->id) &&
                       bytes_equal_text(person.user, stay->visit->user);
        }
        SIM_CHECK(is_there, "a member that is not there");
        listed++;
    }
    SIM_CHECK(it.err == BELFRY_OK && listed == said->member_count, "a wrong list of members");
}

/* Connections that are over have left their rooms. */
static void end_visits(struct sim_rooms *rooms)
{
    for (size_t i = 0; i < rooms->stay_count; i++) {
        struct sim_stay *stay = rooms->stays[i];
        bool has_ended = stay->visit->is_over || !sim_client_is_open(stay->visit->client);
        stay->is_over = stay->is_over || has_ended;
    }
}

void sim_rooms_judge(struct sim_rooms *rooms)
{
    end_visits(rooms);
    judge_unlogged(rooms);
    judge_counts(rooms);
    for (unsigned room = 0; room < SIM_ROOMS; room++) {
        struct room_log log = make_log(rooms, room);
        for (size_t i = 0; i < rooms->stay_count; i++) {
            if (rooms->stays[i]->room != room)
                continue;
            if (rooms->may_drop)
                judge_lossy_stay(rooms, &log, rooms->stays[i]);
            else
                judge_stay(rooms, &log, rooms->stays[i]);
        }
        for (size_t i = 0; i < rooms->snapshot_count; i++) {
            if (rooms->snapshots[i].room == room && rooms->snapshots[i].is_answered)
                judge_snapshot(rooms, &log, &rooms->snapshots[i]);
        }
        free(log.posts);
    }
    for (size_t i = 0; i < rooms->visit_count; i++) {
        struct sim_visit *visit = rooms->visits[i];
        if (!visit->is_over && sim_client_is_open(visit->client))
            SIM_CHECK(visit->asked == visit->answered, "%u requests, %u answers", visit->asked,
                      visit->answered);
        for (unsigned room = 0; room < SIM_ROOMS; room++) {
            if (visit->stays[room] != NULL && !visit->stays[room]->is_over)
                sim_client_say(visit->client, "{\"type\":\"members\",\"room\":\"r%u\"}", room);
        }
    }
    sim_settle(rooms->world);
}
