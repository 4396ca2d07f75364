/*
 * link.c - dialing, greeting, pipelining, and noticing that nobody answers.
 *
 *   out: [written | waiting to be written]        owed: ring of who waits for the next answers
 */
#include "cluster/link.h"

#include <stdio.h>

#include "base/alloc.h"

#define READ_SIZE 65536
#define READS_PER_TURN 16
#define BUSY_MS 2 /* until it is asked again */
#define WHY_SIZE 200

enum link_state { LINK_IDLE, LINK_DIALING, LINK_GREETING, LINK_UP, LINK_WAITING };

/* Who waits for an answer. */
struct owed {
    link_reply_fn *fn;
    void *arg;
    uint64_t due_ms;
};

/* What is said first, and which answers must be good. */
enum greeting { GREETING_AUTH, GREETING_SELECT, GREETING_NAME, GREETING_ID, GREETING_PING };

struct link {
    struct loop *loop;
    struct random_source random;
    struct link_options options;
    const struct link_events *events;
    void *user;
    char *name;
    enum link_state state;
    bool is_dead; /* freed at the turn's end */
    struct dial dial;
    struct dial_target target;
    struct stream stream;
    struct resp_reader *reader;
    struct buf out;
    size_t written; /* of @out */
    struct owed *owed;
    size_t owed_first, owed_count, owed_capacity;
    uint64_t heard_ms; /* when something last came */
    uint64_t pinged_ms;
    bool is_pinged; /* and nothing has come since (a subscriber) */
    uint64_t up_since_ms;
    unsigned attempts;
    uint64_t client_id;
    struct timer timer; /* backoff, or the watch on a connection */
    struct timer busy_timer;
    bool is_paused;     /* not read from: the owner is busy */
    char why[WHY_SIZE]; /* of the last failure */
    struct grave grave;
};

static void lose(struct link *link, const char *why);
static void dial_again(struct link *link);

/* --- who is owed an answer --------------------------------------------------------------------*/

static struct owed *owed_at(struct link *link, size_t index)
{
    return &link->owed[(link->owed_first + index) % link->owed_capacity];
}

static bool grow_owed(struct link *link)
{
    if (link->owed_count < link->owed_capacity)
        return true;
    size_t capacity = BELFRY_MAX(link->owed_capacity * 2, (size_t)64);
    struct owed *owed = mem_alloc(capacity * sizeof *owed);
    if (owed == NULL)
        return false;
    for (size_t i = 0; i < link->owed_count; i++)
        owed[i] = *owed_at(link, i);
    mem_free(link->owed);
    link->owed = owed;
    link->owed_first = 0;
    link->owed_capacity = capacity;
    return true;
}

static struct owed take_owed(struct link *link)
{
    struct owed owed = *owed_at(link, 0);
    link->owed_first = (link->owed_first + 1) % link->owed_capacity;
    link->owed_count--;
    return owed;
}

static void tell_lost(struct link *link)
{
    while (link->owed_count > 0) {
        struct owed owed = take_owed(link);
        if (owed.fn != NULL)
            owed.fn(link, NULL, link->user, owed.arg);
    }
}

/* --- writing ----------------------------------------------------------------------------------*/

static size_t unwritten(const struct link *link)
{
    return link->out.size - link->written;
}

static bool want(struct link *link)
{
    unsigned wanted = (link->is_paused ? 0 : WATCH_READ) | (unwritten(link) > 0 ? WATCH_WRITE : 0);
    if (stream_want(&link->stream, wanted) == BELFRY_OK)
        return true;
    lose(link, "out of memory");
    return false;
}

void link_flush(struct link *link)
{
    if ((link->state != LINK_UP && link->state != LINK_GREETING) || link->is_dead)
        return;
    while (unwritten(link) > 0) {
        struct iovec part = { link->out.data + link->written, unwritten(link) };
        ssize_t sent = stream_writev(&link->stream, &part, 1);
        if (sent == STREAM_FAILED) {
            lose(link, "the connection was lost");
            return;
        }
        if (sent == STREAM_AGAIN)
            break;
        link->written += (size_t)sent;
    }
    if (unwritten(link) == 0) {
        buf_clear(&link->out);
        link->written = 0;
    } else if (link->written > link->out.size / 2) {
        buf_consume(&link->out, link->written);
        link->written = 0;
    }
    (void)want(link);
}

static belfry_err put_command(struct link *link, const belfry_bytes *argv, unsigned argc,
                              const struct owed *owed)
{
    bool is_answered = !link->options.is_subscriber || link->state == LINK_GREETING;
    if (unwritten(link) + resp_command_size(argv, argc) > link->options.max_queue_bytes)
        return BELFRY_ERR_LIMIT;
    if (is_answered && !grow_owed(link))
        return BELFRY_ERR_NOMEM;
    size_t before = link->out.size;
    resp_put_command(&link->out, argv, argc);
    if (buf_failed(&link->out)) {
        link->out.size = before;
        link->out.has_failed = 0;
        return BELFRY_ERR_NOMEM;
    }
    if (is_answered)
        *owed_at(link, link->owed_count++) = *owed;
    return BELFRY_OK;
}

belfry_err link_command(struct link *link, const belfry_bytes *argv, unsigned argc,
                        link_reply_fn *fn, void *arg, uint32_t timeout_ms)
{
    if (link->state != LINK_UP)
        return BELFRY_ERR_AGAIN;
    uint64_t wait_ms = timeout_ms != 0 ? timeout_ms : link->options.stall_ms;
    return put_command(link, argv, argc, &(struct owed){ fn, arg, link->loop->now_ms + wait_ms });
}

/* --- the greeting -----------------------------------------------------------------------------*/

static void on_greeted(struct link *link, const struct resp *reply, void *user, void *arg);

static bool greet_with(struct link *link, enum greeting what, const belfry_bytes *argv,
                       unsigned argc)
{
    return put_command(link, argv, argc,
                       &(struct owed){ on_greeted, (void *)(uintptr_t)what,
                                       link->loop->now_ms + link->options.connect_timeout_ms }) ==
           BELFRY_OK;
}

static bool greet(struct link *link)
{
    const struct redis_url *url = link->options.url;
    char db[16];
    belfry_bytes auth[3] = { BELFRY_BYTES("AUTH") };
    unsigned auth_count = 1;
    if (url->user != NULL)
        auth[auth_count++] = bytes_of_text(url->user);
    if (url->password != NULL)
        auth[auth_count++] = bytes_of_text(url->password);
    belfry_bytes select[] = { BELFRY_BYTES("SELECT"),
                              bytes_of(db, (size_t)snprintf(db, sizeof db, "%u", url->db)) };
    belfry_bytes name[] = { BELFRY_BYTES("CLIENT"), BELFRY_BYTES("SETNAME"),
                            bytes_of_text(link->name) };
    belfry_bytes id[] = { BELFRY_BYTES("CLIENT"), BELFRY_BYTES("ID") };
    belfry_bytes ping[] = { BELFRY_BYTES("PING") };
    return (url->password == NULL || greet_with(link, GREETING_AUTH, auth, auth_count)) &&
           (url->db == 0 || greet_with(link, GREETING_SELECT, select, 2)) &&
           greet_with(link, GREETING_NAME, name, 3) && greet_with(link, GREETING_ID, id, 2) &&
           greet_with(link, GREETING_PING, ping, 1);
}

static void become_up(struct link *link)
{
    link->state = LINK_UP;
    link->up_since_ms = link->loop->now_ms;
    link->why[0] = '\0';
    link->events->on_up(link, link->user);
}

static void on_greeted(struct link *link, const struct resp *reply, void *user, void *arg)
{
    enum greeting what = (enum greeting)(uintptr_t)arg;
    (void)user;
    if (reply == NULL || link->state != LINK_GREETING)
        return;
    bool may_fail = what == GREETING_NAME || what == GREETING_ID; /* an ACL may forbid them */
    if (reply->type == RESP_ERROR && !may_fail) {
        char why[WHY_SIZE];
        snprintf(why, sizeof why, "%.*s", (int)BELFRY_MIN(reply->text.size, sizeof why - 1),
                 (const char *)reply->text.data);
        lose(link, why);
        return;
    }
    if (what == GREETING_ID)
        link->client_id = reply->type == RESP_INTEGER ? (uint64_t)reply->integer : 0;
    if (what == GREETING_PING)
        become_up(link);
}

/* --- reading ----------------------------------------------------------------------------------*/

static bool is_pong(const struct resp *reply)
{
    if (reply->type == RESP_STATUS)
        return true;
    return reply->type == RESP_ARRAY && reply->count == 2 &&
           bytes_equal_text(reply->items[0].text, "pong");
}

static void handle_push(struct link *link, const struct resp *reply)
{
    char why[WHY_SIZE];
    if (reply->type == RESP_ERROR) {
        snprintf(why, sizeof why, "%.*s", (int)BELFRY_MIN(reply->text.size, sizeof why - 1),
                 (const char *)reply->text.data);
        lose(link, why);
    } else if (!is_pong(reply) && link->events->on_push != NULL) {
        link->events->on_push(link, reply, link->user);
    }
}

static void handle(struct link *link, const struct resp *reply)
{
    if (link->options.is_subscriber && link->state == LINK_UP) {
        handle_push(link, reply);
        return;
    }
    if (link->owed_count == 0) {
        lose(link, "an answer to nothing that was asked");
        return;
    }
    struct owed owed = take_owed(link);
    if (owed.fn != NULL)
        owed.fn(link, reply, link->user, owed.arg);
}

static bool is_connected(const struct link *link)
{
    return !link->is_dead && (link->state == LINK_UP || link->state == LINK_GREETING);
}

/* False: it was lost, or freed. */
static bool handle_bytes(struct link *link, const uint8_t *data, size_t size)
{
    const struct resp_reader *reader = link->reader;
    const struct resp *reply;
    belfry_err err = BELFRY_OK;
    while (size > 0 && err == BELFRY_OK) {
        size_t piece = BELFRY_MIN(size, (size_t)RESP_PIECE);
        err = resp_feed(link->reader, data, piece);
        data += piece;
        size -= piece;
        while (err == BELFRY_OK) {
            err = resp_next(link->reader, &reply);
            if (err != BELFRY_OK || reply == NULL)
                break;
            handle(link, reply);
            if (!is_connected(link) || link->reader != reader)
                return false;
        }
    }
    if (err == BELFRY_OK)
        return true;
    lose(link, err == BELFRY_ERR_LIMIT     ? "an answer is larger than it may be"
               : err == BELFRY_ERR_INVALID ? "what came is not an answer of Redis"
                                           : "out of memory");
    return false;
}

static bool must_pause(struct link *link)
{
    if (link->events->is_busy == NULL || !link->events->is_busy(link->user))
        return false;
    link->is_paused = true;
    timer_set(&link->loop->timers, &link->busy_timer, link->loop->now_ms + BUSY_MS);
    return true;
}

static void on_readable(struct link *link)
{
    static _Thread_local uint8_t data[READ_SIZE];
    for (int i = 0; i < READS_PER_TURN && is_connected(link); i++) {
        if (must_pause(link))
            return; /* the flush that follows tells the poller */
        ssize_t got = stream_read(&link->stream, data, sizeof data);
        if (got == STREAM_AGAIN)
            break;
        if (got <= 0) {
            lose(link,
                 got == STREAM_END ? "Redis has closed the connection" : "the connection was lost");
            return;
        }
        link->heard_ms = link->loop->now_ms;
        link->is_pinged = false;
        if (!handle_bytes(link, data, (size_t)got))
            return;
        if ((size_t)got < sizeof data && !stream_has_pending(&link->stream))
            break;
    }
}

static void read_and_write(struct link *link)
{
    if (!link->is_paused)
        on_readable(link);
    if (is_connected(link))
        link_flush(link);
}

static void on_ready(struct watch *watch, unsigned events)
{
    struct stream *stream = BELFRY_CONTAINER_OF(watch, struct stream, watch);
    (void)events; /* TLS may need the one for the other */
    read_and_write(BELFRY_CONTAINER_OF(stream, struct link, stream));
}

static void on_busy_timer(struct timer *timer, uint64_t now_ms)
{
    struct link *link = BELFRY_CONTAINER_OF(timer, struct link, busy_timer);
    link->is_paused = false;
    link->heard_ms = now_ms; /* it was us who did not listen */
    if (is_connected(link))
        read_and_write(link);
}

/* --- noticing that nobody answers -------------------------------------------------------------*/

static void ping(struct link *link)
{
    belfry_bytes argv[] = { BELFRY_BYTES("PING") };
    link->pinged_ms = link->loop->now_ms;
    link->is_pinged = true;
    if (put_command(link, argv, 1,
                    &(struct owed){ .due_ms = link->loop->now_ms + link->options.stall_ms }) ==
        BELFRY_OK)
        link_flush(link);
}

static bool is_stalled(struct link *link)
{
    uint64_t now_ms = link->loop->now_ms;
    if (link->is_paused)
        return false;
    if (link->owed_count > 0 && owed_at(link, 0)->due_ms <= now_ms)
        return true;
    return link->options.is_subscriber && link->is_pinged &&
           link->pinged_ms + link->options.stall_ms <= now_ms;
}

static void look_after(struct link *link, uint64_t now_ms)
{
    if (is_stalled(link)) {
        lose(link, "Redis does not answer");
        return;
    }
    bool is_waiting = link->owed_count > 0 || link->is_pinged;
    if (link->state == LINK_UP && !is_waiting && link->heard_ms + link->options.ping_ms <= now_ms)
        ping(link);
    if (is_connected(link))
        timer_set(&link->loop->timers, &link->timer, now_ms + link->options.ping_ms / 2 + 1);
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    struct link *link = BELFRY_CONTAINER_OF(timer, struct link, timer);
    switch (link->state) {
    case LINK_WAITING:
        dial_again(link);
        break;
    case LINK_GREETING:
    case LINK_UP:
        look_after(link, now_ms);
        break;
    case LINK_IDLE:
    case LINK_DIALING:
        break;
    }
}

/* --- connecting -------------------------------------------------------------------------------*/

/* Full jitter: all nodes have lost it at the same time. */
static uint64_t backoff_ms(struct link *link)
{
    uint64_t most = link->options.min_backoff_ms;
    uint32_t bits = 0;
    for (unsigned i = 0; i < link->attempts && most < link->options.max_backoff_ms; i++)
        most *= 2;
    most = BELFRY_MIN(most, (uint64_t)link->options.max_backoff_ms);
    link->attempts++;
    random_fill(&link->random, &bits, sizeof bits);
    return link->options.min_backoff_ms / 2 + bits % (most + 1);
}

static void disconnect(struct link *link)
{
    dial_cancel(&link->dial);
    stream_close(&link->stream);
    link->reader = resp_reader_free(link->reader);
    buf_clear(&link->out);
    link->written = 0;
    link->is_pinged = false;
    link->is_paused = false;
    timer_cancel(&link->loop->timers, &link->timer);
    timer_cancel(&link->loop->timers, &link->busy_timer);
}

static void lose(struct link *link, const char *why)
{
    if (link->is_dead || link->state == LINK_WAITING || link->state == LINK_IDLE)
        return;
    bool was_up = link->state == LINK_UP;
    bool is_news = strcmp(link->why, why) != 0;
    uint64_t now_ms = link->loop->now_ms;
    snprintf(link->why, sizeof link->why, "%s", why);
    link->state = LINK_WAITING;
    disconnect(link);
    if (was_up && link->up_since_ms + link->options.max_backoff_ms <= now_ms)
        link->attempts = 0;
    timer_set(&link->loop->timers, &link->timer, now_ms + backoff_ms(link));
    tell_lost(link);
    if (link->is_dead)
        return;
    if (was_up)
        link->events->on_down(link, link->why, link->user);
    else if (is_news && link->events->on_failed != NULL)
        link->events->on_failed(link, link->why, link->user);
}

void link_fail(struct link *link, const char *why)
{
    char copy[WHY_SIZE]; /* it may be the link's own */
    snprintf(copy, sizeof copy, "%s", why);
    lose(link, copy);
}

static void on_dialled(struct dial *dial, belfry_err err, const char *why)
{
    struct link *link = BELFRY_CONTAINER_OF(dial, struct link, dial);
    char copy[WHY_SIZE];
    if (err != BELFRY_OK) {
        snprintf(copy, sizeof copy, "%s", why);
        lose(link, copy);
        return;
    }
    dial_take(dial, &link->stream);
    link->stream.watch.on_ready = on_ready;
    link->state = LINK_GREETING;
    link->client_id = 0;
    link->heard_ms = link->loop->now_ms;
    link->reader = resp_reader_new(&link->options.limits);
    if (link->reader == NULL || !greet(link)) {
        lose(link, "out of memory");
        return;
    }
    timer_set(&link->loop->timers, &link->timer, link->loop->now_ms + link->options.ping_ms / 2);
    link_flush(link);
}

static void dial_again(struct link *link)
{
    link->state = LINK_DIALING;
    dial_start(&link->dial, link->loop, &link->target,
               link->loop->now_ms + link->options.connect_timeout_ms, on_dialled);
}

/* --- life -------------------------------------------------------------------------------------*/

struct link *link_new(struct loop *loop, const struct random_source *random,
                      const struct link_options *options, const struct link_events *events,
                      void *user)
{
    struct link *link = mem_alloc_zeroed(sizeof *link);
    char *name = link != NULL ? mem_dup_text(options->name) : NULL;
    if (name == NULL) {
        mem_free(link);
        return NULL;
    }
    const struct redis_url *url = options->url;
    link->loop = loop;
    link->random = *random;
    link->options = *options;
    link->events = events;
    link->user = user;
    link->name = name;
    link->timer.fire = on_timer;
    link->busy_timer.fire = on_busy_timer;
    link->target = (struct dial_target){ .host = url->host,
                                         .port = url->port,
                                         .unix_path = url->path,
                                         .tls = url->is_tls ? options->tls : NULL };
    return link;
}

void link_start(struct link *link)
{
    if (link->state == LINK_IDLE)
        dial_again(link);
}

static void free_link(struct grave *grave)
{
    struct link *link = BELFRY_CONTAINER_OF(grave, struct link, grave);
    buf_deinit(&link->out);
    mem_free(link->owed);
    mem_free(link->name);
    mem_free(link);
}

struct link *link_free(struct link *link)
{
    if (link == NULL)
        return NULL;
    BELFRY_ASSERT(!link->is_dead);
    link->is_dead = true;
    link->state = LINK_IDLE;
    disconnect(link);
    tell_lost(link);
    loop_bury(link->loop, &link->grave, free_link);
    return NULL;
}

bool link_is_up(const struct link *link)
{
    return link != NULL && link->state == LINK_UP;
}

uint64_t link_client_id(const struct link *link)
{
    return link->client_id;
}
