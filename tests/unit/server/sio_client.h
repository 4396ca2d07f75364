/*
 * sio_client.h - a Socket.IO client over WebSocket for tests of a real server, and a journal of
 * what handlers saw.
 *
 *     begin_server((belfry_options){ .workers = 2 });  handlers are added to `io` and `server`
 *     start_server();
 *     sio_open(&ada, "/socket.io/");
 *     sio_expect(&ada, "0{...}") ...                   or sio_join(&ada, "/", NULL)
 *     sio_say(&ada, "21[\"hello\"]");                  a packet without Engine.IO's 4
 *     sio_take(&ada)                                   "31[]"; "<abc>" is a binary message
 *     journal_expect("hello;");                        waits until handlers have noted it
 *     end_server();
 *
 * Pings are answered on the way. Nothing here sleeps: all waits end with what is waited for.
 */
#ifndef SERVER_SIO_CLIENT_TEST_H
#define SERVER_SIO_CLIENT_TEST_H

#include <pthread.h>
#include <stdarg.h>
#include <time.h>

#include "server/server.h"
#include "unit/server/client.h"

static belfry *server;
static belfry_nsp *io; /* "/" */
static const char *address;

/* --- a journal --------------------------------------------------------------------------------*/

static struct {
    pthread_mutex_t lock; /* guards text */
    pthread_cond_t grown;
    char text[8192];
} journal = { .lock = PTHREAD_MUTEX_INITIALIZER, .grown = PTHREAD_COND_INITIALIZER };

/* Handlers note what they see; from any thread. */
BELFRY_PRINTF(1, 2) static void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&journal.lock);
    size_t size = strlen(journal.text);
    (void)vsnprintf(journal.text + size, sizeof journal.text - size, format, args);
    pthread_cond_broadcast(&journal.grown);
    pthread_mutex_unlock(&journal.lock);
    va_end(args);
}

static bool wait_until_grown(void)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    return pthread_cond_timedwait(&journal.grown, &journal.lock, &until) == 0;
}

/* Waits until so much was noted, and empties it. */
static void journal_expect(const char *want)
{
    char got[sizeof journal.text];
    pthread_mutex_lock(&journal.lock);
    while (strlen(journal.text) < strlen(want) && wait_until_grown()) {}
    strcpy(got, journal.text);
    journal.text[0] = '\0';
    pthread_mutex_unlock(&journal.lock);
    assert_string_equal(got, want);
}

/* Waits until @text stands in it somewhere; leaves it. */
static void journal_wait_for(const char *text)
{
    pthread_mutex_lock(&journal.lock);
    while (strstr(journal.text, text) == NULL && wait_until_grown()) {}
    bool is_there = strstr(journal.text, text) != NULL;
    pthread_mutex_unlock(&journal.lock);
    if (!is_there)
        fail_msg("not noted: %s, but: %s", text, journal.text);
}

static void journal_clear(void)
{
    pthread_mutex_lock(&journal.lock);
    journal.text[0] = '\0';
    pthread_mutex_unlock(&journal.lock);
}

/* --- a server ---------------------------------------------------------------------------------*/

static void begin_server(belfry_options options)
{
    options.listen = "127.0.0.1:0";
    if (options.drain_timeout_ms == 0)
        options.drain_timeout_ms = 100;
    journal_clear();
    server = belfry_new(&options);
    if (server == NULL)
        fail_msg("%s", belfry_why(NULL));
    io = belfry_of(server, "/");
}

static void start_server(void)
{
    assert_int_equal(belfry_start(server), BELFRY_OK);
    address = belfry_address(server, 0);
}

/* All that was noted must have been expected. */
static void end_server(void)
{
    belfry_free(server);
    server = NULL;
    assert_string_equal(journal.text, "");
    assert_int_equal(atomic_load(&handlers_wrong), 0);
}

/* --- clients ----------------------------------------------------------------------------------*/

struct sio {
    struct client ws;
    char sid[PUBLIC_ID_SIZE + 1]; /* of its last namespace */
    char pid[PUBLIC_ID_SIZE + 1]; /* "": none */
};

/* Writes a packet, without Engine.IO's 4. */
BELFRY_PRINTF(2, 3) static void sio_say(struct sio *s, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    text[0] = '4';
    int size = vsnprintf(text + 1, sizeof text - 1, format, args);
    va_end(args);
    assert_true(size >= 0 && size < (int)sizeof text - 1);
    client_say(&s->ws, text);
}

static void sio_say_binary(struct sio *s, const char *bytes)
{
    client_send(&s->ws, WS_BINARY | WS_FIN, bytes_of_text(bytes));
}

/* The next packet: "2[...]", "<abc>" for a binary message, "1" from Engine.IO as "engine:1",
 * "close:1000:" or "end". */
static const char *sio_take(struct sio *s)
{
    static char text[70016];
    for (;;) {
        const char *frame = client_take(&s->ws);
        if (strcmp(frame, "text:2") == 0) {
            client_say(&s->ws, "3");
            continue;
        }
        if (strncmp(frame, "text:4", 6) == 0)
            return frame + 6;
        if (strncmp(frame, "text:", 5) == 0)
            (void)snprintf(text, sizeof text, "engine:%s", frame + 5);
        else if (strncmp(frame, "binary:", 7) == 0)
            (void)snprintf(text, sizeof text, "<%s>", frame + 7);
        else
            return frame;
        return text;
    }
}

#define sio_expect(s, want) assert_string_equal(sio_take(s), want)

/* Until the connection ends; skips what comes. */
static void sio_wait_for_end(struct sio *s)
{
    while (strcmp(sio_take(s), "end") != 0) {}
    client_drop(&s->ws);
}

/* For calls that are refused, or whose answers do not matter. */
static inline void ignore_replies(belfry_err err, belfry_msg *const *replies, unsigned count,
                                  unsigned expected, void *user)
{
    (void)err, (void)replies, (void)count, (void)expected, (void)user;
}

static inline void ignore_peers(belfry_err err, const belfry_peer *peers, unsigned count,
                                void *user)
{
    (void)err, (void)peers, (void)count, (void)user;
}

/* A session, in no namespace yet; @query is added to the URL. */
static void sio_open_with(struct sio *s, const char *path, const char *query, const char *headers)
{
    char url[512];
    memset(s, 0, sizeof *s);
    (void)snprintf(url, sizeof url, "%s?EIO=4&transport=websocket%s", path, query);
    client_open(&s->ws, address, url, headers);
    const char *hello = sio_take(s);
    assert_memory_equal(hello, "engine:0{\"sid\":\"", 16);
}

static void sio_open(struct sio *s)
{
    sio_open_with(s, "/socket.io/", "", "");
}

static void copy_field(const char *packet, const char *name, char out[PUBLIC_ID_SIZE + 1])
{
    const char *at = strstr(packet, name);
    out[0] = '\0';
    if (at != NULL)
        (void)snprintf(out, PUBLIC_ID_SIZE + 1, "%s", at + strlen(name));
}

/* Asks for @nsp ("/" or "/name"); @auth: JSON or "". */
static void sio_ask_in(struct sio *s, const char *nsp, const char *auth)
{
    if (strcmp(nsp, "/") == 0)
        sio_say(s, "0%s", auth);
    else
        sio_say(s, "0%s,%s", nsp, auth);
}

/* Takes the answer to that, which must be yes. */
static void sio_take_connect(struct sio *s)
{
    const char *answer = sio_take(s);
    if (answer[0] != '0')
        fail_msg("not connected: %s", answer);
    copy_field(answer, "\"sid\":\"", s->sid);
    copy_field(answer, "\"pid\":\"", s->pid);
}

static void sio_join(struct sio *s, const char *nsp, const char *auth)
{
    sio_ask_in(s, nsp, auth);
    sio_take_connect(s);
}

/* Opened, and in "/". */
static void sio_arrive(struct sio *s)
{
    sio_open(s);
    sio_join(s, "/", "");
}

static int sio_worker(const struct sio *s)
{
    struct public_id_owner owner = { 0 };
    (void)worker_split_public_id(bytes_of_text(s->sid), &owner);
    return (int)owner.worker;
}

/* A session on @worker, in no namespace yet: connections land on any, so it tries. */
static void sio_open_at(struct sio *s, int worker)
{
    for (int i = 0; i < 1000; i++) {
        memset(s, 0, sizeof *s);
        client_open(&s->ws, address, "/socket.io/?EIO=4&transport=websocket", "");
        copy_field(sio_take(s), "\"sid\":\"", s->sid);
        if (sio_worker(s) == worker)
            return;
        client_drop(&s->ws);
    }
    fail_msg("worker %d gets no connections", worker);
}

static void sio_arrive_at(struct sio *s, int worker)
{
    sio_open_at(s, worker);
    sio_join(s, "/", "");
}

static void sio_drop(struct sio *s)
{
    client_drop(&s->ws);
}

/* All that was sent to it before has arrived: the answer to "sync" comes behind it. */
static void sio_expect_nothing(struct sio *s)
{
    sio_say(s, "27777[\"sync\"]");
    sio_expect(s, "37777[]");
}

static void on_sync(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)sock;
    (void)user;
    HANDLER_EXPECT(belfry_ack(msg, NULL) == BELFRY_OK);
}

#endif
