/*
 * crowd.h - a hub, its shards on loops that nobody runs, and people who write down what they hear.
 *
 *     crowd_open(&crowd, 2, &limits);
 *     crowd_add(&crowd, &ada, 0, "ada");
 *     crowd_join(&ada, "tower");
 *     crowd_say(&crowd, NULL, "tower", "hello");
 *     crowd_drain(&crowd);
 *     person_take(&ada)    "hello;"
 *
 * The wire form of a message is its payload and a semicolon; form 1 has an exclamation mark.
 */
#ifndef HUB_CROWD_H
#define HUB_CROWD_H

#include <stdio.h>

#include "base/buf.h"
#include "hub/hub.h"

#define CROWD_SHARDS 4
#define CROWD_PEOPLE 64
#define CROWD_ROOMS 8 /* that one may come into at once */

struct crowd;

struct person {
    struct member member;
    struct crowd *crowd;
    struct hub_shard *shard;
    struct hub_nsp *nsp;
    char name[24];
    unsigned form;         /* the form key it wants */
    bool takes_one_by_one; /* as who may not get joined frames */
    struct buf heard;
    unsigned frames;        /* that it came in */
    struct message_id last; /* the position of what it heard last, on the way in too */
};

struct crowd {
    struct hub hub;
    struct loop loops[CROWD_SHARDS];
    struct person *people[CROWD_SHARDS][CROWD_PEOPLE];
    unsigned counts[CROWD_SHARDS];
    uint64_t wall_ms;
    unsigned encoded; /* forms made; with one thread only */
    struct random_seeded seeded;
    bool is_threaded;
};

static const struct hub_limits crowd_limits = {
    .history = { .max_messages = 100,
                 .max_bytes = 1 << 20,
                 .max_age_ms = 60000,
                 .max_log_bytes = 1 << 22 },
    .max_rooms = 1000,
    .max_rooms_per_member = 100,
    .max_inbox = 1000,
};

static struct frame *crowd_encode(const struct message *m, unsigned key, void *user)
{
    struct crowd *crowd = user;
    struct frame *frame = frame_new(m->args.size + 1);
    if (frame == NULL)
        return NULL;
    if (m->args.size > 0)
        memcpy(frame->bytes, m->args.data, m->args.size);
    frame->bytes[m->args.size] = key == 1 ? '!' : ';';
    if (!crowd->is_threaded)
        crowd->encoded++;
    return frame;
}

static void person_hear(struct person *p, struct frame *frame)
{
    if (frame == NULL) {
        buf_put_text(&p->heard, "lost;");
        return;
    }
    buf_put(&p->heard, frame->bytes, frame->size);
    p->frames++;
    frame_unref(frame);
}

static void person_deliver(struct member *member, struct hub_batch *batch,
                           struct membership *membership)
{
    struct person *p = BELFRY_CONTAINER_OF(member, struct person, member);
    (void)membership;
    p->last = batch->messages[batch->count - 1]->id;
    struct frame *frame = p->takes_one_by_one ? NULL : hub_batch_frame(batch, p->form);
    if (frame != NULL) {
        person_hear(p, frame);
        return;
    }
    for (unsigned i = 0; i < batch->count; i++)
        person_hear(p, hub_batch_frame_of(batch, i, p->form));
}

static void person_describe(struct member *member, belfry_bytes *out_id, belfry_bytes *out_user)
{
    const struct person *p = BELFRY_CONTAINER_OF(member, struct person, member);
    *out_id = bytes_of_text(p->name);
    *out_user = bytes_of_text("user");
}

static const struct member_ops person_ops = { person_deliver, person_describe };

/* Some people have a name that is an id: '#', the worker's digit, and anything. */
static int crowd_owner_of(const struct hub *hub, belfry_bytes name)
{
    const char *text = name.data;
    if (name.size < 2 || text[0] != '#' || text[1] < '0')
        return -1;
    int owner = text[1] - '0';
    return owner < (int)hub->worker_count ? owner : -1;
}

static struct member *crowd_find_member(struct hub_shard *shard, struct hub_nsp *nsp,
                                        belfry_bytes name)
{
    struct crowd *crowd = shard->owner;
    (void)nsp;
    for (unsigned i = 0; i < crowd->counts[shard->index]; i++) {
        struct person *p = crowd->people[shard->index][i];
        if (bytes_equal_text(name, p->name))
            return &p->member;
    }
    return NULL;
}

static belfry_err crowd_try_open(struct crowd *crowd, unsigned shards,
                                 const struct hub_limits *limits)
{
    *crowd = (struct crowd){ .wall_ms = 1000 };
    random_seed(&crowd->seeded, 7);
    struct random_source random = random_source_of(&crowd->seeded);
    belfry_err err = hub_init(&crowd->hub, shards, limits, crowd_encode, &random);
    if (err != BELFRY_OK)
        return err;
    crowd->hub.owner_of = crowd_owner_of;
    crowd->hub.find_member = crowd_find_member;
    for (unsigned w = 0; w < shards; w++) {
        struct poller *poller = NULL;
        if (poll_epoll_new(&poller) != BELFRY_OK ||
            loop_init(&crowd->loops[w], &poll_epoll, poller, &clock_system) != BELFRY_OK)
            return BELFRY_ERR_NOMEM;
        crowd->hub.shards[w].loop = &crowd->loops[w];
        crowd->hub.shards[w].owner = crowd;
    }
    return BELFRY_OK;
}

static void crowd_open(struct crowd *crowd, unsigned shards, const struct hub_limits *limits)
{
    assert_int_equal(crowd_try_open(crowd, shards, limits), BELFRY_OK);
}

/* Without memory it is there, but has not entered. */
static belfry_err crowd_try_add(struct crowd *crowd, struct hub_nsp *nsp, struct person *p,
                                unsigned shard, const char *name)
{
    static uint64_t last_id;
    struct hub_joined joined;
    struct hub_enter how = { 0 };
    *p = (struct person){ .member = { .ops = &person_ops, .id = ++last_id },
                          .crowd = crowd,
                          .shard = &crowd->hub.shards[shard],
                          .nsp = nsp };
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    assert_true(crowd->counts[shard] < CROWD_PEOPLE);
    crowd->people[shard][crowd->counts[shard]++] = p;
    belfry_err err = hub_enter(p->shard, nsp, &p->member, &how, &joined);
    if (err == BELFRY_OK)
        hub_joined_deinit(&joined);
    return err;
}

static void crowd_add_to(struct crowd *crowd, struct hub_nsp *nsp, struct person *p, unsigned shard,
                         const char *name)
{
    assert_int_equal(crowd_try_add(crowd, nsp, p, shard, name), BELFRY_OK);
}

static void crowd_add(struct crowd *crowd, struct person *p, unsigned shard, const char *name)
{
    crowd_add_to(crowd, &crowd->hub.root, p, shard, name);
}

static belfry_err crowd_join_with(struct person *p, const char *room, const struct hub_join *how,
                                  struct hub_joined *out)
{
    return hub_join(p->shard, p->nsp, &p->member, bytes_of_text(room), how, out);
}

static uint32_t crowd_join(struct person *p, const char *room)
{
    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_NOW };
    assert_int_equal(crowd_join_with(p, room, &how, &joined), BELFRY_OK);
    uint32_t members = joined.members;
    hub_joined_deinit(&joined);
    return members;
}

static uint32_t crowd_leave(struct person *p, const char *room)
{
    uint32_t members;
    assert_int_equal(hub_leave(p->shard, p->nsp, &p->member, bytes_of_text(room), &members),
                     BELFRY_OK);
    return members;
}

/* Publishes @spec, its time filled in; @own as in hub_publish. */
static belfry_err crowd_publish_in(struct crowd *crowd, struct hub_nsp *nsp, struct hub_shard *own,
                                   struct message_spec *spec, struct hub_published *out)
{
    spec->wall_ms = crowd->wall_ms;
    struct message *m = message_new(spec, &crowd->hub.hash_key, crowd->hub.worker_count);
    return m == NULL ? BELFRY_ERR_NOMEM : hub_publish(nsp, own, m, out);
}

static belfry_err crowd_publish(struct crowd *crowd, struct hub_shard *own,
                                struct message_spec *spec, struct hub_published *out)
{
    return crowd_publish_in(crowd, &crowd->hub.root, own, spec, out);
}

/* To @room, or with NULL to everyone. */
static struct message_id crowd_say_in(struct crowd *crowd, struct hub_nsp *nsp,
                                      struct hub_shard *own, const char *room, const char *text)
{
    struct hub_published published;
    struct message_spec spec = { .room_count = room != NULL,
                                 .rooms = { bytes_of_text(room) },
                                 .args = bytes_of_text(text) };
    assert_int_equal(crowd_publish_in(crowd, nsp, own, &spec, &published), BELFRY_OK);
    return published.id;
}

static struct message_id crowd_say(struct crowd *crowd, struct hub_shard *own, const char *room,
                                   const char *text)
{
    return crowd_say_in(crowd, &crowd->hub.root, own, room, text);
}

static void crowd_drain(struct crowd *crowd)
{
    for (unsigned w = 0; w < crowd->hub.worker_count; w++)
        hub_drain(&crowd->hub.shards[w]);
}

/* What @p heard since the last time; valid until it hears more. */
static const char *person_take(struct person *p)
{
    static char text[4096];
    size_t size = BELFRY_MIN(p->heard.size, sizeof text - 1);
    if (size > 0)
        memcpy(text, p->heard.data, size);
    text[size] = '\0';
    buf_clear(&p->heard);
    p->frames = 0;
    return text;
}

static unsigned crowd_count_text(belfry_bytes heard, const char *text)
{
    unsigned count = 0;
    const char *at = heard.data;
    const char *end = at + heard.size;
    for (; (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL; at++)
        count++;
    return count;
}

static void person_leave_all(struct person *p)
{
    while (p->member.membership_count > 0) {
        char room[64] = { 0 };
        belfry_bytes name = membership_room_name(&p->member.memberships[0]);
        memcpy(room, name.data, BELFRY_MIN(name.size, sizeof room - 1));
        (void)crowd_leave(p, room);
    }
}

/* What is heard on the way in comes before what is live. */
static void person_hear_missed(struct member *member, const struct hub_joined *joined, void *user)
{
    struct person *p = BELFRY_CONTAINER_OF(member, struct person, member);
    (void)user;
    if (joined->has_gap)
        buf_put_text(&p->heard, "[gap];");
    for (uint32_t i = 0; i < joined->history.count; i++) {
        buf_put(&p->heard, joined->history.items[i]->args.data,
                joined->history.items[i]->args.size);
        buf_put_text(&p->heard, ";");
    }
    p->last = joined->last;
}

static void person_go(struct person *p)
{
    person_leave_all(p);
    hub_exit(p->shard, p->nsp, &p->member);
}

/* With @rooms, which end with NULL, and what was missed since @since, which may be NULL. */
static belfry_err person_try_come(struct person *p, const char *const *rooms,
                                  const struct message_id *since, struct hub_joined *joined)
{
    belfry_bytes names[CROWD_ROOMS];
    struct hub_enter how = { .rooms = names,
                             .has_since = since != NULL,
                             .own_id = bytes_of_text(p->name),
                             .on_live = person_hear_missed };
    if (since != NULL)
        how.since = *since;
    for (; rooms[how.room_count] != NULL; how.room_count++)
        names[how.room_count] = bytes_of_text(rooms[how.room_count]);
    return hub_enter(p->shard, p->nsp, &p->member, &how, joined);
}

static void person_come(struct person *p, const char *const *rooms, const struct message_id *since)
{
    struct hub_joined joined;
    assert_int_equal(person_try_come(p, rooms, since, &joined), BELFRY_OK);
    hub_joined_deinit(&joined);
}

/* Everybody goes, after what waits for them. */
static void crowd_clear(struct crowd *crowd)
{
    crowd_drain(crowd);
    for (unsigned w = 0; w < crowd->hub.worker_count; w++) {
        for (unsigned i = 0; i < crowd->counts[w]; i++) {
            person_go(crowd->people[w][i]);
            member_deinit(&crowd->people[w][i]->member);
            buf_deinit(&crowd->people[w][i]->heard);
        }
        crowd->counts[w] = 0;
    }
}

static void crowd_close(struct crowd *crowd)
{
    if (crowd->hub.shards == NULL)
        return;
    crowd_clear(crowd);
    hub_deinit(&crowd->hub);
    for (unsigned w = 0; w < crowd->hub.worker_count; w++) {
        if (crowd->loops[w].poller != NULL)
            loop_deinit(&crowd->loops[w]);
    }
}

#endif
