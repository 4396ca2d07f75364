/*
 * feed_load.c - readers of one room, over event streams or WebSockets, and somebody who publishes.
 * Loopback, one thread.
 *
 *     feed_load --port PORT --readers 1000 -k 16                    event streams, fed by POST
 *     feed_load --port PORT --readers 1000 -k 16 --kind ws          the same readers as WebSockets
 *     feed_load --port PORT --readers 1 -k 1 --kind ws --by ws      said by a member
 *     feed_load --port PORT --readers 1 -k 100 --kind ws --by batch an array of 100 in one POST
 *
 * -k messages leave in one write, the next -k when all readers have theirs and all is answered.
 * Each has one '|', which is what is counted. -p PID: CPU of the server, read while nothing is
 * under way. Where it is another server: --follow and --publish are its paths. One JSON object on
 * stdout.
 */
#include <getopt.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static const char load_name[] = "feed_load";
#include "load.h"

enum { BUFFER_BYTES = 256 * 1024, PATIENCE_MS = 20000 };
enum kind { KIND_SSE, KIND_WS };
enum by { BY_POST, BY_WS, BY_BATCH };

static struct {
    unsigned port, readers, depth, size;
    enum kind kind;
    enum by by;
    double seconds, warmup;
    const char *follow, *publish;
    int pid;
} options = {
    .readers = 100,
    .depth = 1,
    .size = 100,
    .seconds = 1,
    .warmup = 0.2,
    .follow = "/events?room=bench",
    .publish = "/api/rooms/bench/messages",
};

static char buffer[BUFFER_BYTES];

/* Reads until @text has come; what is behind it may be gone too. */
static void await(int fd, const char *text)
{
    size_t size = 0;
    while (memmem(buffer, size, text, strlen(text)) == NULL) {
        if (size == BUFFER_BYTES)
            size = 0;
        ssize_t got = recv(fd, buffer + size, BUFFER_BYTES - size, 0);
        if (got <= 0)
            die("waited in vain for %s: %.*s", text, (int)size, buffer);
        size += (size_t)got;
    }
}

static int open_ws(void)
{
    static const char request[] = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
                                  "Upgrade: websocket\r\n"
                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n";
    char frame[200];
    int fd = connect_to(options.port);
    send_all(fd, request, sizeof request - 1);
    await(fd, "\"welcome\"");
    send_all(fd, frame, put_frame(frame, "{\"type\":\"join\",\"room\":\"bench\"}"));
    await(fd, "\"joined\"");
    return fd;
}

static int open_stream(void)
{
    char request[300];
    int fd = connect_to(options.port);
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
                        options.follow);
    send_all(fd, request, (size_t)size);
    await(fd, "\r\n\r\n");
    return fd;
}

/* --- what is said ----------------------------------------------------------------------------- */

static char *put_text(char *at)
{
    *at++ = '|';
    for (unsigned i = 1; i < options.size; i++)
        *at++ = (char)('a' + i % 26);
    return at;
}

static size_t put_post(char *out, const char *body)
{
    return (size_t)sprintf(out,
                           "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n"
                           "Content-Type: application/json\r\n\r\n%s",
                           options.publish, strlen(body), body);
}

static char *put_object(char *at)
{
    at += sprintf(at, "{\"text\":\"");
    at = put_text(at);
    return at + sprintf(at, "\"}");
}

/* -k messages as they leave; returns their size. @out_answers: how many answers there will be. */
static size_t put_batch(char *out, unsigned *out_answers)
{
    static char body[1 << 20];
    size_t size = 0;
    char *at = body;
    *out_answers = options.by == BY_BATCH ? 1 : options.by == BY_POST ? options.depth : 0;
    if (options.by == BY_BATCH) {
        for (unsigned i = 0; i < options.depth; i++) {
            *at++ = i == 0 ? '[' : ',';
            at = put_object(at);
        }
        sprintf(at, "]");
        return put_post(out, body);
    }
    if (options.by == BY_WS) {
        at += sprintf(at, "{\"type\":\"message\",\"text\":\"");
        at = put_text(at);
        sprintf(at, "\"}");
    } else {
        *put_object(at) = '\0';
    }
    for (unsigned i = 0; i < options.depth; i++)
        size += options.by == BY_WS ? put_frame(out + size, body) : put_post(out + size, body);
    return size;
}

/* --- the run ---------------------------------------------------------------------------------- */

struct run {
    int epoll, publisher;
    unsigned answers; /* to a batch */
    char *batch;
    size_t batch_size;
    uint64_t batches;
};

static void watch(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

static unsigned count_of(const char *bytes, size_t size, char wanted)
{
    unsigned count = 0;
    for (const char *at = bytes; (at = memchr(at, wanted, size - (size_t)(at - bytes))) != NULL;
         at++)
        count++;
    return count;
}

/* "HTTP/1.1 2" in what has come; an answer may be cut, so its H is what counts: none has another.
 */
static unsigned count_answers(const char *bytes, size_t size)
{
    unsigned count = 0;
    for (const char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), "P/1.", 4)) != NULL;
         at++)
        count++;
    return count;
}

static void run_batch(struct run *r)
{
    struct epoll_event events[256];
    uint64_t copies = (uint64_t)options.depth * options.readers, answers = r->answers;
    if (options.by == BY_WS)
        copies += options.depth; /* the publisher is a member */
    send_all(r->publisher, r->batch, r->batch_size);
    while (copies > 0 || answers > 0) {
        int count = epoll_wait(r->epoll, events, 256, PATIENCE_MS);
        if (count <= 0)
            die("%" PRIu64 " copies and %" PRIu64 " answers did not come", copies, answers);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            ssize_t got = recv(fd, buffer, BUFFER_BYTES, MSG_DONTWAIT);
            if (got == 0 || (got < 0 && errno != EAGAIN))
                die("a connection has ended: %s", got == 0 ? "closed" : strerror(errno));
            if (got < 0)
                continue;
            if (fd == r->publisher && options.by != BY_WS)
                answers -= count_answers(buffer, (size_t)got);
            else
                copies -= count_of(buffer, (size_t)got, '|');
        }
    }
    r->batches++;
}

static void run_for(struct run *r, double seconds)
{
    uint64_t stop_ns = now_ns() + (uint64_t)(seconds * 1e9);
    do
        run_batch(r);
    while (now_ns() < stop_ns);
}

static void report(struct run *r)
{
    run_for(r, options.warmup);
    uint64_t begin = now_ns(), own = cpu_ns_of(getpid());
    uint64_t server = options.pid != 0 ? cpu_ns_of(options.pid) : 0, before = r->batches;
    run_for(r, options.seconds);
    uint64_t messages = (r->batches - before) * options.depth;
    printf("{\"messages\":%" PRIu64 ",\"deliveries\":%" PRIu64
           ",\"wall_s\":%.6f,\"own_cpu_s\":%.6f,\"cpu_s\":[%.6f]}\n",
           messages, messages * options.readers, (double)(now_ns() - begin) / 1e9,
           (double)(cpu_ns_of(getpid()) - own) / 1e9,
           options.pid != 0 ? (double)(cpu_ns_of(options.pid) - server) / 1e9 : 0);
}

static unsigned number_of(const char *text, unsigned most)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number < 1 || number > most)
        die("%s is not a number from 1 to %u", text, most);
    return (unsigned)number;
}

static unsigned choice_of(const char *text, const char *const *names)
{
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    die("%s is not a choice", text);
    return 0;
}

static void parse(int argc, char **argv)
{
    static const char *const kinds[] = { "sse", "ws", NULL };
    static const char *const ways[] = { "post", "ws", "batch", NULL };
    static const struct option longs[] = {
        { "port", required_argument, NULL, 'P' },   { "readers", required_argument, NULL, 'n' },
        { "kind", required_argument, NULL, 'K' },   { "by", required_argument, NULL, 'b' },
        { "follow", required_argument, NULL, 'f' }, { "publish", required_argument, NULL, 'u' },
        { "warmup", required_argument, NULL, 'w' }, { NULL, 0, NULL, 0 },
    };
    for (int c; (c = getopt_long(argc, argv, "k:s:d:p:", longs, NULL)) != -1;) {
        switch (c) {
        case 'P':
            options.port = number_of(optarg, 65535);
            break;
        case 'n':
            options.readers = number_of(optarg, 60000);
            break;
        case 'K':
            options.kind = (enum kind)choice_of(optarg, kinds);
            break;
        case 'b':
            options.by = (enum by)choice_of(optarg, ways);
            break;
        case 'f':
            options.follow = optarg;
            break;
        case 'u':
            options.publish = optarg;
            break;
        case 'k':
            options.depth = number_of(optarg, 1000);
            break;
        case 's':
            options.size = number_of(optarg, 1000);
            break;
        case 'd':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'w':
            options.warmup = strtod(optarg, NULL);
            break;
        case 'p':
            options.pid = (int)number_of(optarg, 1u << 30);
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct run r = { .epoll = epoll_create1(0) };
    struct rlimit files;
    parse(argc, argv);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    r.batch = malloc((size_t)options.depth * (options.size + 400) + 400);
    if (r.batch == NULL)
        die("out of memory");
    r.batch_size = put_batch(r.batch, &r.answers);
    for (unsigned i = 0; i < options.readers; i++)
        watch(r.epoll, options.kind == KIND_SSE ? open_stream() : open_ws());
    r.publisher = options.by == BY_WS ? open_ws() : connect_to(options.port);
    watch(r.epoll, r.publisher);
    usleep(200000); /* what is said of who came has come */
    report(&r);
    return 0;
}
