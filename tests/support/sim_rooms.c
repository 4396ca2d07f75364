/*
 * sim_rooms.c - keeping the books of a simulated run. The judgement is in sim_judge.c.
 */
#include "support/sim_rooms.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "support/sim_judge.h"
#include "support/sim_seeds.h"

/* --- lists ------------------------------------------------------------------------------------*/

/* Makes room for one more item of a growing array. */
static void *grow(void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return items;
    *capacity = BELFRY_MAX(*capacity * 2, (size_t)16);
    items = realloc(items, *capacity * item_size);
    SIM_CHECK(items != NULL, "the test is out of memory");
    return items;
}

#define GROW(list, count, capacity) ((list) = grow((list), (count), &(capacity), sizeof *(list)))

static void add_number(struct sim_numbers *list, unsigned number)
{
    GROW(list->items, list->count, list->capacity);
    list->items[list->count++] = number;
}

static bool has_number(const struct sim_numbers *list, unsigned number)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i] == number)
            return true;
    }
    return false;
}

static void *make(size_t size)
{
    void *memory = calloc(1, size);
    SIM_CHECK(memory != NULL, "the test is out of memory");
    return memory;
}

/* --- reading what the server says -------------------------------------------------------------*/

static unsigned read_room(belfry_bytes name)
{
    const char *text = name.data;
    SIM_CHECK(name.size == 2 && text[0] == 'r' && text[1] < '0' + SIM_ROOMS, "a strange room");
    return (unsigned)(text[1] - '0');
}

static struct message_id read_id(struct sim_rooms *rooms, belfry_bytes text)
{
    struct message_id id;
    belfry_bytes epoch;
    SIM_CHECK(message_id_parse(text, &id, &epoch), "not an id: %.*s", (int)text.size,
              (const char *)text.data);
    if (rooms->epoch[0] == '\0')
        memcpy(rooms->epoch, epoch.data, epoch.size);
    SIM_CHECK(bytes_equal_text(epoch, rooms->epoch), "another epoch");
    return id;
}

/* "p17" or, of an event, "\"p17\"". */
static unsigned read_post(const struct sim_rooms *rooms, belfry_bytes text)
{
    unsigned number;
    char copy[16] = "";
    const char *at = copy;
    memcpy(copy, text.data, BELFRY_MIN(text.size, sizeof copy - 1));
    at += *at == '"';
    SIM_CHECK(sscanf(at, "p%u", &number) == 1 && number < rooms->post_count,
              "nobody has said this: %s", copy);
    return number;
}

static unsigned post_of(const struct sim_rooms *rooms, const struct sim_said *said)
{
    return read_post(rooms, said->text.size > 0 ? said->text : said->data);
}

/* --- books ------------------------------------------------------------------------------------*/

static void learn_id(struct sim_rooms *rooms, unsigned number, struct message_id id)
{
    struct sim_post *post = &rooms->posts[number];
    SIM_CHECK(!post->is_known || message_id_compare(post->id, id) == 0, "p%u has two ids", number);
    post->is_known = true;
    post->id = id;
}

static void check_post(const struct sim_visit *visit, unsigned number, const struct sim_said *said)
{
    const struct sim_post *post = &visit->rooms->posts[number];
    SIM_CHECK(read_room(said->room) == post->room, "p%u in another room", number);
    SIM_CHECK(bytes_equal_text(said->type, post->kind == SIM_MESSAGE ? "message" : "event"),
              "p%u of another kind", number);
    if (post->sent_count == 1 && post->sender->client->id[0] != '\0')
        SIM_CHECK(bytes_equal_text(said->from, post->sender->client->id), "p%u by another", number);
}

static void place_unlogged(struct sim_visit *visit, unsigned number)
{
    struct sim_post *post = &visit->rooms->posts[number];
    SIM_CHECK(!has_number(&visit->heard_unlogged, number), "p%u came twice", number);
    add_number(&visit->heard_unlogged, number);
    add_number(&visit->unlogged, number);
    if (message_id_compare(visit->last_live, post->after) > 0)
        post->after = visit->last_live;
}

/* What was unlogged since the last id came before this one. */
static void rise(struct sim_visit *visit, struct message_id id)
{
    for (size_t i = 0; i < visit->unlogged.count; i++) {
        struct sim_post *post = &visit->rooms->posts[visit->unlogged.items[i]];
        if (message_id_compare(post->before, id) > 0)
            post->before = id;
    }
    visit->unlogged.count = 0;
    visit->last_live = id;
}

static void on_post(struct sim_visit *visit, const struct sim_said *said)
{
    struct sim_rooms *rooms = visit->rooms;
    unsigned number = post_of(rooms, said);
    struct sim_post *post = &rooms->posts[number];
    struct sim_stay *stay = visit->stays[post->room];
    rooms->live_count++;
    check_post(visit, number, said);
    SIM_CHECK(stay != NULL, "p%u heard outside of its room", number);
    if (post->sender == visit && post->sent_count == 1) {
        SIM_CHECK(post->kind == SIM_MESSAGE, "event p%u came back to its sender", number);
        post->has_sender_copy = true;
    }
    if (post->kind == SIM_VOLATILE) {
        SIM_CHECK(said->id.size == 0, "an unlogged event with an id");
        place_unlogged(visit, number);
        return;
    }
    struct message_id id = read_id(rooms, said->id);
    learn_id(rooms, number, id);
    SIM_CHECK(message_id_compare(id, visit->last_live) > 0, "p%u out of order or twice", number);
    SIM_CHECK(message_id_compare(id, stay->start) > 0, "p%u was before the join", number);
    add_number(&stay->heard, number);
    rise(visit, id);
}

static void on_ack(struct sim_visit *visit, const struct sim_said *said)
{
    struct sim_rooms *rooms = visit->rooms;
    unsigned number = read_post(rooms, said->ref);
    const struct sim_post *post = &rooms->posts[number];
    struct message_id id = read_id(rooms, said->id);
    visit->answered++;
    learn_id(rooms, number, id);
    if (post->kind == SIM_MESSAGE && post->sent_count == 1 && !rooms->may_drop)
        SIM_CHECK(post->has_sender_copy, "the ack of p%u came before the sender's copy", number);
}

static struct sim_stay *open_stay(struct sim_visit *visit, unsigned room, struct message_id start)
{
    struct sim_rooms *rooms = visit->rooms;
    struct sim_stay *stay = make(sizeof *stay);
    *stay = (struct sim_stay){ .visit = visit, .room = room, .start = start };
    GROW(rooms->stays, rooms->stay_count, rooms->stay_capacity);
    rooms->stays[rooms->stay_count++] = stay;
    visit->stays[room] = stay;
    return stay;
}

static void read_history(struct sim_rooms *rooms, const struct sim_said *said,
                         struct sim_snapshot *snapshot)
{
    struct json_iter it;
    struct json_member item;
    json_iter_init(&it, said->history, 64, JSON_KIND_ARRAY);
    while (json_iter_next(&it, &item)) {
        struct sim_said old;
        SIM_CHECK(sim_said_read(&old, item.value.text), "history is not objects");
        unsigned number = post_of(rooms, &old);
        SIM_CHECK(rooms->posts[number].room == snapshot->room, "history of another room");
        learn_id(rooms, number, read_id(rooms, old.id));
        add_number(&snapshot->history, number);
    }
    SIM_CHECK(it.err == BELFRY_OK, "history is not an array");
}

static void on_joined(struct sim_visit *visit, const struct sim_said *said)
{
    struct sim_rooms *rooms = visit->rooms;
    unsigned number;
    char ref[16] = "";
    memcpy(ref, said->ref.data, BELFRY_MIN(said->ref.size, sizeof ref - 1));
    SIM_CHECK(sscanf(ref, "j%u", &number) == 1 && number < rooms->snapshot_count, "a strange ref");
    struct sim_snapshot *snapshot = &rooms->snapshots[number];
    SIM_CHECK(read_room(said->room) == snapshot->room, "another room was joined");
    SIM_CHECK(!snapshot->is_answered, "two answers to a join");
    snapshot->is_answered = true;
    visit->answered++;
    snapshot->has_gap = said->has_gap;
    snapshot->last = read_id(rooms, said->last);
    read_history(rooms, said, snapshot);
    struct sim_stay *stay = visit->stays[snapshot->room];
    if (stay == NULL)
        stay = open_stay(visit, snapshot->room, snapshot->last);
    else if (!stay->has_gap)
        SIM_CHECK(stay->members == said->member_count, "%u members become %u by joining twice",
                  (unsigned)stay->members, (unsigned)said->member_count);
    stay->members = said->member_count;
}

static void close_stay(struct sim_visit *visit, unsigned room)
{
    SIM_CHECK(visit->stays[room] != NULL, "left a room that was not joined");
    visit->stays[room]->is_over = true;
    visit->stays[room] = NULL;
}

static void on_left(struct sim_visit *visit, const struct sim_said *said)
{
    visit->answered++;
    close_stay(visit, read_room(said->room));
}

static void on_presence(struct sim_visit *visit, const struct sim_said *said, int change)
{
    struct sim_stay *stay = visit->stays[read_room(said->room)];
    visit->rooms->live_count++;
    SIM_CHECK(stay != NULL, "presence of a room that was not joined");
    SIM_CHECK(!bytes_equal_text(said->user_id, visit->client->id), "presence of oneself");
    uint64_t want = stay->members + (uint64_t)change;
    SIM_CHECK(visit->rooms->may_drop || said->member_count == want, "r%u: %u members, not %u",
              stay->room, (unsigned)said->member_count, (unsigned)want);
    stay->members = said->member_count;
}

static void on_gap(struct sim_visit *visit, const struct sim_said *said)
{
    struct sim_stay *stay = visit->stays[read_room(said->room)];
    SIM_CHECK(visit->rooms->may_drop, "a gap, though nothing may be dropped");
    visit->gap_count++;
    if (stay != NULL)
        stay->has_gap = true;
}

static void on_said(struct sim_client *c, const struct sim_said *said, void *user_data)
{
    struct sim_visit *visit = user_data;
    (void)c;
    if (bytes_equal_text(said->type, "message") || bytes_equal_text(said->type, "event"))
        on_post(visit, said);
    else if (bytes_equal_text(said->type, "ack"))
        on_ack(visit, said);
    else if (bytes_equal_text(said->type, "joined"))
        on_joined(visit, said);
    else if (bytes_equal_text(said->type, "left"))
        on_left(visit, said);
    else if (bytes_equal_text(said->type, "user-joined"))
        on_presence(visit, said, 1);
    else if (bytes_equal_text(said->type, "user-left"))
        on_presence(visit, said, -1);
    else if (bytes_equal_text(said->type, "gap"))
        on_gap(visit, said);
    else if (bytes_equal_text(said->type, "members"))
        sim_judge_members(visit, said);
    else
        SIM_CHECK(bytes_equal_text(said->type, "welcome"), "unexpected: %.*s %.*s",
                  (int)said->type.size, (const char *)said->type.data, (int)said->code.size,
                  (const char *)said->code.data);
}

/* --- doing ------------------------------------------------------------------------------------*/

void sim_rooms_init(struct sim_rooms *rooms, struct sim_world *world)
{
    *rooms = (struct sim_rooms){ .world = world, .history_limit = 256 };
}

void sim_rooms_deinit(struct sim_rooms *rooms)
{
    for (size_t i = 0; i < rooms->visit_count; i++) {
        sim_client_free(rooms->visits[i]->client);
        free(rooms->visits[i]->unlogged.items);
        free(rooms->visits[i]->heard_unlogged.items);
        free(rooms->visits[i]);
    }
    for (size_t i = 0; i < rooms->stay_count; i++) {
        free(rooms->stays[i]->heard.items);
        free(rooms->stays[i]);
    }
    for (size_t i = 0; i < rooms->snapshot_count; i++)
        free(rooms->snapshots[i].history.items);
    free(rooms->visits);
    free(rooms->stays);
    free(rooms->snapshots);
    free(rooms->posts);
}

struct sim_visit *sim_rooms_enter(struct sim_rooms *rooms, const struct sim_client_how *how)
{
    struct sim_visit *visit = make(sizeof *visit);
    struct sim_client_how reporting = *how;
    visit->rooms = rooms;
    if (how->user != NULL)
        snprintf(visit->user, sizeof visit->user, "%s", how->user);
    reporting.user = how->user != NULL ? visit->user : NULL;
    reporting.on_said = on_said;
    reporting.user_data = visit;
    GROW(rooms->visits, rooms->visit_count, rooms->visit_capacity);
    rooms->visits[rooms->visit_count++] = visit;
    visit->client = sim_client_new(rooms->world, &reporting);
    return visit;
}

void sim_rooms_exit(struct sim_visit *visit, enum sim_exit how)
{
    visit->is_over = true;
    switch (how) {
    case SIM_RESET:
        sim_client_reset(visit->client);
        break;
    case SIM_HANG_UP:
        sim_client_hang_up(visit->client);
        break;
    case SIM_HALF_CLOSE:
        if (visit->client->link != NULL)
            sim_link_end(visit->client->link);
        break;
    case SIM_CLOSE:
        if (sim_client_is_open(visit->client))
            sim_client_close(visit->client, 1000);
        else
            sim_client_hang_up(visit->client);
        break;
    }
}

void sim_rooms_join(struct sim_visit *visit, unsigned room, enum hub_since since,
                    struct message_id id, unsigned count)
{
    struct sim_rooms *rooms = visit->rooms;
    unsigned number = (unsigned)rooms->snapshot_count;
    char text[MESSAGE_ID_MAX_TEXT];
    char more[128] = "";
    GROW(rooms->snapshots, rooms->snapshot_count, rooms->snapshot_capacity);
    rooms->snapshots[rooms->snapshot_count++] =
        (struct sim_snapshot){ .room = room, .since = since, .since_id = id, .count = count };
    if (since == HUB_SINCE_ID || since == HUB_SINCE_UNKNOWN) {
        const char *epoch = since == HUB_SINCE_ID ? rooms->epoch : "elsewhere";
        int size = (int)message_id_format(text, id, bytes_of_text(epoch));
        snprintf(more, sizeof more, ",\"since\":\"%.*s\"", size, text);
    } else if (since == HUB_SINCE_COUNT) {
        snprintf(more, sizeof more, ",\"history\":%u", count);
    }
    visit->wants[room] = true;
    visit->asked++;
    sim_client_say(visit->client, "{\"type\":\"join\",\"room\":\"r%u\",\"ref\":\"j%u\"%s}", room,
                   number, more);
}

void sim_rooms_leave(struct sim_visit *visit, unsigned room)
{
    visit->wants[room] = false;
    visit->asked++;
    sim_client_say(visit->client, "{\"type\":\"leave\",\"room\":\"r%u\"}", room);
}

static void send_post(struct sim_visit *visit, unsigned number, bool has_ref)
{
    static const char *const openings[] = {
        "\"message\",\"text\"",
        "\"event\",\"event\":\"e\",\"data\"",
        "\"event\",\"event\":\"e\",\"volatile\":true,\"data\"",
    };
    struct sim_post *post = &visit->rooms->posts[number];
    char key[32] = "";
    char ref[32] = "";
    if (post->has_key)
        snprintf(key, sizeof key, ",\"key\":\"k%u\"", number);
    if (has_ref)
        snprintf(ref, sizeof ref, ",\"ref\":\"p%u\"", number);
    post->sent_count++;
    visit->asked += has_ref;
    sim_client_say(visit->client, "{\"type\":%s:\"p%u\",\"room\":\"r%u\"%s%s}",
                   openings[post->kind], number, post->room, key, ref);
}

unsigned sim_rooms_say(struct sim_visit *visit, unsigned room, enum sim_post_kind kind,
                       bool has_key, bool has_ref)
{
    struct sim_rooms *rooms = visit->rooms;
    unsigned number = (unsigned)rooms->post_count;
    GROW(rooms->posts, rooms->post_count, rooms->post_capacity);
    rooms->posts[rooms->post_count++] = (struct sim_post){
        .kind = kind,
        .room = room,
        .sender = visit,
        .has_key = has_key,
        .before = { UINT64_MAX, UINT64_MAX },
    };
    send_post(visit, number, has_ref);
    return number;
}

void sim_rooms_repeat(struct sim_visit *visit, unsigned post)
{
    send_post(visit, post, true);
}

bool sim_rooms_position(const struct sim_visit *visit, unsigned room, struct message_id *out)
{
    const struct sim_stay *stay = visit->stays[room];
    if (stay == NULL)
        return false;
    *out = stay->start;
    if (stay->heard.count > 0)
        *out = visit->rooms->posts[stay->heard.items[stay->heard.count - 1]].id;
    return true;
}
