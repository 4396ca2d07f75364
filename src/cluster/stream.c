/*
 * stream.c - Redis as the sequencer: one stream for all namespaces, in the order of which all
 * nodes deliver.
 *
 *   append:  pending [3][4][5] --XADD--> stream --XREAD--> every node, this one too
 *                     |  comes back with number 3: pending [4][5], delivered with its id
 *
 * This node's own entries are delivered when the reader meets them, so that nobody can hear a later
 * one first. Each carries a number. When the publishing link breaks it is not known which of the
 * pending ones were added: the old connection is killed, the end of the stream is asked for, and
 * once the reader is there whatever is still pending was not added and is sent again: once.
 *
 * A new node first reads what the last minutes hold, as past: for the log, from which clients of
 * dead nodes are told what they missed.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "cluster/node.h"

#define PAGE BELFRY_BYTES("1000")
#define PAGE_ENTRIES 1000
#define BLOCK_MS 2000
#define READ_TIMEOUT_MS (BLOCK_MS + 3000)
#define RETRY_MS 500
#define SHARE_UNDER_WAY 8 /* of the stream's length: or it would be trimmed before it is read */

static void read_on(struct cluster *c);
static void send_pending(struct cluster *c);

/* --- what is pending --------------------------------------------------------------------------*/

static size_t size_of(const struct pending *p)
{
    return sizeof *p + p->nsp_size + p->data_size + p->extra_size + p->files_size;
}

static void set_bytes(struct cluster *c, size_t bytes)
{
    c->stream.bytes = bytes;
    atomic_store_explicit(&c->counters.queued_bytes, bytes, memory_order_relaxed);
}

static void set_sent(struct cluster *c, struct pending *p, bool is_sent)
{
    if (p->is_sent != is_sent)
        c->stream.under_way += is_sent ? 1u : -1u;
    p->is_sent = is_sent;
}

static void unlink_pending(struct cluster *c, struct pending **at)
{
    struct stream_engine *s = &c->stream;
    struct pending *p = *at;
    set_sent(c, p, false);
    s->count--;
    *at = p->next;
    if (s->last == &p->next)
        s->last = at;
    set_bytes(c, s->bytes - size_of(p));
}

static void free_pending(struct pending *p)
{
    struct pending_after *first = NULL;
    while (p->after != NULL) { /* turned round: in the order of asking */
        struct pending_after *after = p->after;
        p->after = after->next;
        after->next = first;
        first = after;
    }
    while (first != NULL) {
        struct pending_after *after = first;
        first = after->next;
        after->fn(after->arg);
        mem_free(after);
    }
    mem_free(p);
}

/* It is in the stream no more, though it was added: trimmed before it was read. */
static void lose_pending(struct cluster *c, struct pending **at)
{
    struct pending *p = *at;
    unlink_pending(c, at);
    cluster_count_one(&c->counters.unconfirmed);
    if (p->own != NULL)
        c->host.on_lost(c, p->own, BELFRY_ERR_AGAIN, c->user);
    free_pending(p);
}

static bool was_passed(const struct cluster *c, const struct pending *p)
{
    return p->is_sent && p->id.ms > 0 && message_id_compare(p->id, c->stream.place) <= 0;
}

static void lose_passed(struct cluster *c)
{
    struct pending **at = &c->stream.first;
    while (*at != NULL) {
        if (was_passed(c, *at))
            lose_pending(c, at);
        else
            at = &(*at)->next;
    }
}

/* The one with @number, taken out; NULL: it is not ours, or was met already. */
static struct pending *take_pending(struct cluster *c, uint64_t number)
{
    for (struct pending **at = &c->stream.first; *at != NULL; at = &(*at)->next) {
        struct pending *p = *at;
        if (p->number > number)
            return NULL; /* they are in the order of their numbers */
        if (p->number != number)
            continue;
        unlink_pending(c, at);
        return p;
    }
    return NULL;
}

bool cluster_after(struct cluster *c, void (*fn)(void *arg), void *arg)
{
    struct stream_engine *s = &c->stream;
    if (s->first == NULL) {
        fn(arg);
        return true;
    }
    struct pending *last = BELFRY_CONTAINER_OF(s->last, struct pending, next);
    struct pending_after *after = mem_alloc(sizeof *after);
    if (after == NULL)
        return false;
    *after = (struct pending_after){ last->after, fn, arg };
    last->after = after;
    return true;
}

struct message_id cluster_place(const struct cluster *c)
{
    return c->stream.place;
}

bool cluster_is_full(const struct cluster *c)
{
    return c->stream.bytes >= c->options.max_queue_bytes;
}

/* --- writing ----------------------------------------------------------------------------------*/

static bool may_write(const struct cluster *c)
{
    const struct stream_engine *s = &c->stream;
    return link_is_up(c->publisher) && s->is_synced && !s->is_stalled;
}

/* Not more at once than the stream holds until it was read. */
static bool may_send(const struct cluster *c)
{
    return may_write(c) &&
           c->stream.under_way < BELFRY_MAX(c->options.stream_length / SHARE_UNDER_WAY, 1u);
}

/* Redis refuses (no memory, read only, still loading): all that was refused is tried again. */
static void stall(struct cluster *c, const struct resp *reply)
{
    struct stream_engine *s = &c->stream;
    cluster_count_one(&c->counters.refused);
    snprintf(c->why, sizeof c->why, "publishing: %.*s", (int)BELFRY_MIN(reply->text.size, 120u),
             (const char *)reply->text.data);
    s->is_stalled = true;
    if (!timer_is_set(&s->retry))
        timer_set(&c->loop->timers, &s->retry, c->loop->now_ms + RETRY_MS);
    cluster_check_up(c);
}

static void on_added(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    uint64_t number = (uint64_t)(uintptr_t)arg;
    (void)link;
    if (reply == NULL)
        return; /* the link is lost: what came of it, the reader will see */
    if (reply->type == RESP_ERROR && reply->text.size > 8 &&
        memcmp(reply->text.data, "NOSCRIPT", 8) == 0)
        history_load(c);
    struct pending **at = &c->stream.first;
    while (*at != NULL && (*at)->number < number)
        at = &(*at)->next;
    struct pending *p = *at != NULL && (*at)->number == number ? *at : NULL; /* or read already */
    if (reply->type == RESP_ERROR) {
        if (p != NULL)
            set_sent(c, p, false);
        stall(c, reply);
        return;
    }
    belfry_bytes epoch;
    if (p != NULL && message_id_parse(reply->text, &p->id, &epoch) && was_passed(c, p))
        lose_pending(c, at);
    if (c->stream.is_stalled) {
        c->stream.is_stalled = false;
        cluster_check_up(c);
    }
}

static bool send_one(struct cluster *c, struct pending *p)
{
    char length[16];
    char type[16];
    char number[24];
    struct buf *extra = &c->name;
    const char *at = p->bytes;
    buf_clear(extra);
    buf_put(extra, number,
            (size_t)snprintf(number, sizeof number, "%llu ", (unsigned long long)p->number));
    buf_put(extra, at + p->nsp_size + p->data_size, p->extra_size);
    if (buf_failed(extra))
        return false;
    struct history_entry entry = {
        .length = bytes_of(length,
                           (size_t)snprintf(length, sizeof length, "%u", c->options.stream_length)),
        .nsp = bytes_of(at, p->nsp_size),
        .type = bytes_of(type, (size_t)snprintf(type, sizeof type, "%u", p->type)),
        .data = bytes_of(at + p->nsp_size, p->data_size),
        .extra = buf_bytes(extra),
        .files = bytes_of(at + p->nsp_size + p->data_size + p->extra_size, p->files_size),
    };
    void *arg = (void *)(uintptr_t)p->number;
    if (history_is_on(c))
        return history_add(c, &entry, on_added, arg) == BELFRY_OK;
    belfry_bytes argv[] = {
        BELFRY_BYTES("XADD"),   bytes_of_text(c->options.key),
        BELFRY_BYTES("MAXLEN"), BELFRY_BYTES("~"),
        entry.length,           BELFRY_BYTES("*"),
        BELFRY_BYTES("uid"),    bytes_of_text(c->uid),
        BELFRY_BYTES("nsp"),    entry.nsp,
        BELFRY_BYTES("type"),   entry.type,
        BELFRY_BYTES("data"),   entry.data,
        BELFRY_BYTES("belfry"), entry.extra,
    };
    return link_command(c->publisher, argv, BELFRY_COUNT(argv), on_added, arg, 0) == BELFRY_OK;
}

static void send_pending(struct cluster *c)
{
    for (struct pending *p = c->stream.first; p != NULL && may_send(c); p = p->next) {
        if (p->is_sent)
            continue;
        if (!send_one(c, p)) {
            if (!timer_is_set(&c->stream.retry))
                timer_set(&c->loop->timers, &c->stream.retry, c->loop->now_ms + RETRY_MS);
            return;
        }
        set_sent(c, p, true);
    }
}

static void on_retry(struct timer *timer, uint64_t now_ms)
{
    struct cluster *c = BELFRY_CONTAINER_OF(timer, struct cluster, stream.retry);
    (void)now_ms;
    if (c->stream.is_stalled && link_is_up(c->publisher) && c->stream.is_synced &&
        c->stream.first != NULL) {
        /* One goes ahead, to see. */
        struct pending *p = c->stream.first;
        while (p != NULL && p->is_sent)
            p = p->next;
        if (p != NULL && send_one(c, p))
            set_sent(c, p, true);
        timer_set(&c->loop->timers, timer, c->loop->now_ms + RETRY_MS);
        return;
    }
    c->stream.is_stalled = false;
    send_pending(c);
    cluster_check_up(c);
}

belfry_err cluster_append(struct cluster *c, const struct note *note, belfry_bytes extra,
                          const struct cluster_file *files, unsigned file_count, void *own)
{
    struct stream_engine *s = &c->stream;
    if (!may_write(c) && c->options.away == CLUSTER_LOCAL) {
        cluster_count_one(&c->counters.dropped_away);
        return BELFRY_ERR_STATE;
    }
    if (cluster_is_full(c)) {
        cluster_count_one(&c->counters.dropped_full);
        return BELFRY_ERR_AGAIN;
    }
    buf_clear(&c->payload);
    belfry_err err = note_encode_entry(note, &c->payload);
    size_t entry_size = c->payload.size;
    if (err == BELFRY_OK && c->options.keeps_history)
        history_put_files(c, note->nsp, files, file_count, &c->payload);
    if (buf_failed(&c->payload))
        err = BELFRY_ERR_NOMEM;
    size_t size = sizeof(struct pending) + note->nsp.size + c->payload.size + extra.size;
    if (err == BELFRY_OK && entry_size > c->options.max_message_bytes) {
        cluster_count_one(&c->counters.dropped_large);
        return BELFRY_ERR_LIMIT;
    }
    struct pending *p = err == BELFRY_OK ? mem_alloc(size) : NULL;
    if (p == NULL) {
        cluster_count_one(&c->counters.dropped_memory);
        return err != BELFRY_OK ? err : BELFRY_ERR_NOMEM;
    }
    *p = (struct pending){ .number = ++s->numbers,
                           .own = own,
                           .nsp_size = note->nsp.size,
                           .data_size = entry_size,
                           .extra_size = extra.size,
                           .files_size = c->payload.size - entry_size,
                           .type = note->type };
    char *at = p->bytes;
    memcpy(at, note->nsp.data, note->nsp.size);
    at += note->nsp.size;
    memcpy(at, c->payload.data, entry_size);
    at += entry_size;
    if (extra.size > 0)
        memcpy(at, extra.data, extra.size);
    if (p->files_size > 0)
        memcpy(at + extra.size, c->payload.data + entry_size, p->files_size);
    *s->last = p;
    s->last = &p->next;
    set_bytes(c, s->bytes + size);
    cluster_count_one(&c->counters.sent);
    s->count++;
    if (may_send(c) && s->count == s->under_way + 1) { /* none before it waits to be sent */
        set_sent(c, p, send_one(c, p));
        if (!p->is_sent && !timer_is_set(&s->retry))
            timer_set(&c->loop->timers, &s->retry, c->loop->now_ms + RETRY_MS);
    }
    return BELFRY_OK;
}

/* --- after a lost link: what was added, what was not? -----------------------------------------*/

static void sync_if_there(struct cluster *c)
{
    struct stream_engine *s = &c->stream;
    if (s->is_synced || !s->knows_tip || s->reader_state != READER_FOLLOWING ||
        message_id_compare(s->place, s->sync_tip) < 0)
        return;
    s->is_synced = true;
    lose_passed(c);
    for (struct pending *p = s->first; p != NULL; p = p->next) {
        if (p->is_sent)
            cluster_count_one(&c->counters.resent);
        set_sent(c, p, false);
    }
    send_pending(c);
    cluster_check_up(c);
}

/* The id of the only entry of an answer of XRANGE or XREVRANGE. */
static bool id_of_entry(const struct resp *reply, struct message_id *out)
{
    belfry_bytes epoch;
    return reply->type == RESP_ARRAY && reply->count > 0 && reply->items[0].type == RESP_ARRAY &&
           reply->items[0].count == 2 &&
           message_id_parse(reply->items[0].items[0].text, out, &epoch);
}

static void on_sync_tip(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    (void)link;
    (void)arg;
    if (reply == NULL)
        return;
    c->stream.sync_tip = (struct message_id){ 0 };
    (void)id_of_entry(reply, &c->stream.sync_tip);
    c->stream.knows_tip = true;
    sync_if_there(c);
}

static belfry_err ask_tip(struct cluster *c, struct link *link, link_reply_fn *fn)
{
    belfry_bytes argv[] = { BELFRY_BYTES("XREVRANGE"), bytes_of_text(c->options.key),
                            BELFRY_BYTES("+"),         BELFRY_BYTES("-"),
                            BELFRY_BYTES("COUNT"),     BELFRY_BYTES("1") };
    return link_command(link, argv, BELFRY_COUNT(argv), fn, NULL, 0);
}

/* CLIENT and two or three words. */
static void command_client(struct cluster *c, const char *verb, uint64_t id, link_reply_fn *fn)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    belfry_bytes argv[] = { BELFRY_BYTES("CLIENT"), bytes_of_text(verb), BELFRY_BYTES("ID"),
                            bytes_of(text, (size_t)size) };
    (void)link_command(c->publisher, argv, BELFRY_COUNT(argv), fn, NULL, 0);
}

/* The old connection, seen by Redis: does it have our name? A Redis that was started anew gives
 * the same numbers to others. */
static void on_old_client(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    char name[64];
    int size = snprintf(name, sizeof name, " name=belfry-%s-say ", c->uid);
    (void)arg;
    if (reply == NULL)
        return;
    if (reply->type == RESP_TEXT &&
        memmem(reply->text.data, reply->text.size, name, (size_t)size) != NULL)
        command_client(c, "KILL", c->stream.old_client_id, NULL);
    c->stream.old_client_id = link_client_id(link);
    (void)ask_tip(c, link, on_sync_tip);
}

/* What an old connection still holds must not be added behind our back. */
void stream_publisher_up(struct cluster *c)
{
    struct stream_engine *s = &c->stream;
    s->is_stalled = false;
    s->knows_tip = false;
    if (s->old_client_id != 0 && s->old_client_id != link_client_id(c->publisher)) {
        command_client(c, "LIST", s->old_client_id, on_old_client);
        return;
    }
    s->old_client_id = link_client_id(c->publisher);
    (void)ask_tip(c, c->publisher, on_sync_tip);
}

void stream_publisher_down(struct cluster *c)
{
    c->stream.is_synced = false;
    c->stream.knows_tip = false;
    c->stream.is_stalled = false;
}

bool stream_is_up(const struct cluster *c)
{
    return c->stream.reader_state == READER_FOLLOWING && c->stream.is_synced &&
           !c->stream.is_stalled;
}

/* --- reading ----------------------------------------------------------------------------------*/

/* A Belfry node's field is its number, a blank, and what the host wanted. */
static void split_extra(struct stream_fields *f)
{
    const char *start = f->extra.data;
    const char *blank = f->extra.size > 0 ? memchr(start, ' ', f->extra.size) : NULL;
    if (blank == NULL)
        return;
    for (const char *d = start; d < blank && *d >= '0' && *d <= '9'; d++)
        f->number = f->number * 10 + (uint64_t)(*d - '0');
    f->extra = bytes_of(blank + 1, f->extra.size - (size_t)(blank + 1 - start));
}

void stream_read_fields(const struct resp *fields, struct stream_fields *out)
{
    *out = (struct stream_fields){ 0 };
    for (uint32_t i = 0; i + 1 < fields->count; i += 2) {
        belfry_bytes name = fields->items[i].text;
        belfry_bytes value = fields->items[i + 1].text;
        if (bytes_equal_text(name, "uid"))
            out->raw.uid = value;
        else if (bytes_equal_text(name, "nsp"))
            out->raw.nsp = value;
        else if (bytes_equal_text(name, "type"))
            out->raw.type = value;
        else if (bytes_equal_text(name, "data"))
            out->raw.data = value;
        else if (bytes_equal_text(name, "belfry"))
            out->extra = value;
    }
    split_extra(out);
}

static void begin_at(struct cluster *c, struct message_id id)
{
    c->stream.has_begun = true;
    c->stream.has_lost_place = false;
    c->host.on_begin(c, id, c->user);
}

static void hear_entry(struct cluster *c, struct message_id id, const struct resp *items)
{
    struct stream_engine *s = &c->stream;
    struct stream_fields fields;
    struct note note;
    stream_read_fields(items, &fields);
    if (!s->has_begun || s->has_lost_place)
        begin_at(c, id);
    s->place = id;
    bool is_own = bytes_equal_text(fields.raw.uid, c->uid);
    struct pending *p = is_own ? take_pending(c, fields.number) : NULL;
    struct cluster_entry entry = { .id = id,
                                   .is_past = message_id_compare(id, s->tip) <= 0,
                                   .own = p != NULL ? p->own : NULL,
                                   .extra = fields.extra };
    belfry_err err = note_decode_entry(&fields.raw, &c->options.limits, &c->scratch, &note);
    if (err == BELFRY_OK)
        cluster_hear(c, &note, &entry);
    else
        cluster_count_one(err == BELFRY_ERR_NOMEM ? &c->counters.dropped_memory : &c->counters.bad);
    if (err != BELFRY_OK && p != NULL && p->own != NULL)
        c->host.on_lost(c, p->own, err, c->user);
    if (p != NULL)
        free_pending(p);
}

/* [[stream, [[id, [field, value, ...]], ...]]]; returns how many entries there were. */
static uint32_t hear_page(struct cluster *c, const struct resp *reply)
{
    if (reply->type != RESP_ARRAY || reply->count != 1 || reply->items[0].type != RESP_ARRAY ||
        reply->items[0].count != 2)
        return 0;
    const struct resp *entries = &reply->items[0].items[1];
    for (uint32_t i = 0; i < entries->count; i++) {
        const struct resp *one = &entries->items[i];
        struct message_id id;
        belfry_bytes epoch;
        if (one->type != RESP_ARRAY || one->count != 2 ||
            !message_id_parse(one->items[0].text, &id, &epoch))
            continue;
        if (i == 0)
            c->stream.page_first = id;
        if (one->items[1].type == RESP_ARRAY)
            hear_entry(c, id, &one->items[1]);
    }
    return entries->count;
}

static void follow(struct cluster *c)
{
    struct stream_engine *s = &c->stream;
    if (s->reader_state == READER_FOLLOWING)
        return;
    s->reader_state = READER_FOLLOWING;
    if (!s->has_begun)
        begin_at(c, s->place);
    sync_if_there(c);
    cluster_check_up(c);
}

/* Is what we had read before a large page still there? If not, some of what came behind it may have
 * been trimmed before it was read. */
static void on_checked(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    struct message_id id;
    (void)link;
    (void)arg;
    c->stream.is_checking = false;
    if (reply == NULL || id_of_entry(reply, &id))
        return;
    cluster_count_one(&c->counters.losses);
    begin_at(c, c->stream.check_from);
    lose_passed(c);
}

/* The stream is trimmed to its newest entries: who finds fewer than that has missed none. */
static void check_page(struct cluster *c, struct message_id before, uint32_t count)
{
    struct stream_engine *s = &c->stream;
    char place[MESSAGE_ID_MAX_TEXT];
    if (count < BELFRY_MIN(c->options.stream_length, (uint32_t)PAGE_ENTRIES) || s->is_checking)
        return;
    belfry_bytes at = bytes_of(place, message_id_format(place, before, bytes_of(NULL, 0)));
    belfry_bytes argv[] = { BELFRY_BYTES("XRANGE"), bytes_of_text(c->options.key), at, at };
    s->check_from = s->page_first;
    s->is_checking =
        link_command(s->reader, argv, BELFRY_COUNT(argv), on_checked, NULL, 0) == BELFRY_OK;
}

static void on_page(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    (void)link;
    (void)arg;
    if (reply == NULL)
        return; /* down; it begins again when it is up */
    if (reply->type == RESP_ERROR) {
        snprintf(c->why, sizeof c->why, "reading: %.*s", (int)BELFRY_MIN(reply->text.size, 120u),
                 (const char *)reply->text.data);
        cluster_count_one(&c->counters.refused);
        link_fail(c->stream.reader, c->why);
        return;
    }
    struct message_id before = c->stream.place;
    bool had_begun = c->stream.has_begun;
    uint32_t count = hear_page(c, reply);
    if (had_begun)
        check_page(c, before, count);
    if (count == 0)
        follow(c);
    sync_if_there(c);
    if (c->stream.is_synced)
        send_pending(c);
    places_go_on(c);
    read_on(c);
}

static void read_on(struct cluster *c)
{
    struct stream_engine *s = &c->stream;
    char place[MESSAGE_ID_MAX_TEXT];
    char block[16];
    belfry_bytes argv[8];
    unsigned n = 0;
    argv[n++] = BELFRY_BYTES("XREAD");
    argv[n++] = BELFRY_BYTES("COUNT");
    argv[n++] = PAGE;
    if (s->reader_state == READER_FOLLOWING) {
        argv[n++] = BELFRY_BYTES("BLOCK");
        argv[n++] = bytes_of(block, (size_t)snprintf(block, sizeof block, "%d", BLOCK_MS));
    }
    argv[n++] = BELFRY_BYTES("STREAMS");
    argv[n++] = bytes_of_text(c->options.key);
    argv[n++] = bytes_of(place, message_id_format(place, s->place, bytes_of(NULL, 0)));
    if (link_command(s->reader, argv, n, on_page, NULL, READ_TIMEOUT_MS) != BELFRY_OK)
        link_fail(s->reader, "out of memory");
}

static void start_reading(struct cluster *c)
{
    c->stream.reader_state = READER_READING;
    read_on(c);
}

/* The first connection of all: where it ends now, everything up to there is past. */
static void on_first_tip(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    struct stream_engine *s = &c->stream;
    (void)link;
    (void)arg;
    if (reply == NULL)
        return;
    s->tip = (struct message_id){ 0 };
    (void)id_of_entry(reply, &s->tip);
    s->place = s->tip;
    if (s->tip.ms > c->options.memory_ms)
        s->place = (struct message_id){ .ms = s->tip.ms - c->options.memory_ms };
    s->has_place = true;
    start_reading(c);
}

/* A later one: is the entry where we were still there? If not, others may be gone as well. */
static void on_place(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    struct message_id id;
    (void)link;
    (void)arg;
    if (reply == NULL)
        return;
    bool was_empty = c->stream.place.ms == 0;
    if (!id_of_entry(reply, &id) && !was_empty) {
        c->stream.has_lost_place = true;
        cluster_count_one(&c->counters.losses);
    }
    start_reading(c);
}

static void on_reader_up(struct link *link, void *user)
{
    struct cluster *c = user;
    struct stream_engine *s = &c->stream;
    char place[MESSAGE_ID_MAX_TEXT];
    s->reader_state = READER_PLACING;
    belfry_err err;
    if (s->has_place) {
        belfry_bytes at = bytes_of(place, message_id_format(place, s->place, bytes_of(NULL, 0)));
        belfry_bytes argv[] = { BELFRY_BYTES("XRANGE"), bytes_of_text(c->options.key), at, at };
        err = link_command(link, argv, BELFRY_COUNT(argv), on_place, NULL, 0);
    } else {
        err = ask_tip(c, link, on_first_tip);
    }
    if (err != BELFRY_OK)
        link_fail(link, "out of memory");
}

static void on_reader_down(struct link *link, const char *why, void *user)
{
    struct cluster *c = user;
    (void)link;
    cluster_count_one(&c->counters.losses);
    snprintf(c->why, sizeof c->why, "reading: %s", why);
    c->stream.reader_state = READER_DOWN;
    places_go_on(c);
    cluster_check_up(c);
}

/* --- life -------------------------------------------------------------------------------------*/

belfry_err stream_start(struct cluster *c)
{
    static const struct link_events events = {
        .on_up = on_reader_up,
        .on_down = on_reader_down,
        .is_busy = cluster_is_busy,
    };
    c->stream.last = &c->stream.first;
    c->stream.retry.fire = on_retry;
    c->stream.reader = cluster_new_link(c, "read", false, &events);
    return c->stream.reader != NULL ? BELFRY_OK : BELFRY_ERR_NOMEM;
}

void stream_deinit(struct cluster *c)
{
    struct stream_engine *s = &c->stream;
    s->reader = link_free(s->reader);
    timer_cancel(&c->loop->timers, &s->retry);
    while (s->first != NULL) {
        struct pending *p = s->first;
        s->first = p->next;
        if (p->own != NULL)
            c->host.on_lost(c, p->own, BELFRY_ERR_GONE, c->user);
        free_pending(p);
    }
    s->last = &s->first;
    s->bytes = 0;
    s->count = s->under_way = 0;
}
