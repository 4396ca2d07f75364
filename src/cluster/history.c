/*
 * history.c - what rooms said, in keys of their own: the stream is one for all rooms, and a room
 * that says little would be forgotten as fast as one that says much.
 *
 *   KEY                        the stream (stream.c)
 *   KEY:history:NSP,ROOM       a stream of what was said in the room: with the room's own bounds
 *   KEY:history:NSP            ... and to everyone in the namespace
 *   KEY:history                the newest entry of the stream that is in none of these
 *
 * A script adds an entry to the stream and to its rooms, so that it has the same id everywhere, and
 * there is no moment in which it is in one of them alone. Each entry of a room knows the one before
 * it (`before`): who was cut off behind that one, and hears all from here on, has missed nothing.
 * The first one of a room that was silent for longer than it remembers can say the same of the time
 * that it was silent for. What others add to the stream (Node.js servers, emitters) is not filed:
 * the next script sees it, and who was cut off before it may have missed it.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "cluster/node.h"

/* clang-format off */

/* KEYS: stream, mark, rooms; ARGV: stream's length, five fields, and for each room: entries, bytes,
 * age. `sum` is how many bytes the room said before. */
static const char add_script[] =
    "local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]\n"
    "local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'uid', ARGV[2],\n"
    "    'nsp', ARGV[3], 'type', ARGV[4], 'data', ARGV[5], 'belfry', ARGV[6], 'filed', '1')\n"
    "local function file(key, most, bytes, age)\n"
    "    local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]\n"
    "    local sum, before = 0, nil\n"
    "    if newest then\n"
    "        before = newest[1]\n"
    "        sum = newest[2][4] + #newest[2][12]\n"
    "    else\n"
    "        local ms = string.match(id, '%d+')\n"
    "        before = string.format('%.0f-0', math.max(0, ms - age))\n"
    "    end\n"
    "    redis.call('XADD', key, 'MAXLEN', most, id, 'before', before, 'sum', sum,\n"
    "        'uid', ARGV[2], 'nsp', ARGV[3], 'type', ARGV[4], 'data', ARGV[5], 'belfry', ARGV[6])\n"
    "    local total = sum + #ARGV[5]\n"
    "    local first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]\n"
    "    while first[1] ~= id and total - first[2][4] > tonumber(bytes) do\n"
    "        redis.call('XDEL', key, first[1])\n"
    "        first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]\n"
    "    end\n"
    "    redis.call('PEXPIRE', key, age)\n"
    "end\n"
    "local is_whole = true\n"
    "for i = 3, #KEYS do\n"
    "    local a = 7 + (i - 3) * 3\n"
    "    is_whole = pcall(file, KEYS[i], ARGV[a], ARGV[a + 1], ARGV[a + 2]) and is_whole\n"
    "end\n"
    "if not last or not is_whole then\n"
    "    redis.call('SET', KEYS[2], id)\n"
    "elseif last[2][#last[2] - 1] ~= 'filed' then\n"
    "    redis.call('SET', KEYS[2], last[1])\n"
    "end\n"
    "return id\n";

/* KEYS: stream, mark, room; ARGV: behind what, how many, age, bytes. Answers with the stream's end,
 * two floors, and the entries, the newest first. */
static const char recall_script[] =
    "local tip = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]\n"
    "if not tip then return {} end\n"
    "local mark = tip[1]\n"
    "if tip[2][#tip[2] - 1] == 'filed' then mark = redis.call('GET', KEYS[2]) or tip[1] end\n"
    "local most, left = tonumber(ARGV[2]), tonumber(ARGV[4])\n"
    "local entries, at = {}, '+'\n"
    "while #entries < most and left > 0 do\n"
    "    local page = redis.call('XREVRANGE', KEYS[3], at, ARGV[1],\n"
    "        'COUNT', math.min(16, most - #entries))\n"
    "    if #page == 0 then break end\n"
    "    for _, entry in ipairs(page) do\n"
    "        entries[#entries + 1] = entry\n"
    "        left = left - #entry[2][12]\n"
    "    end\n"
    "    at = '(' .. page[#page][1]\n"
    "end\n"
    "local floor = '0-0'\n"
    "if #entries > 0 then\n"
    "    floor = entries[#entries][2][2]\n"
    "elseif redis.call('EXISTS', KEYS[3]) == 0 then\n"
    "    local now = redis.call('TIME')\n"
    "    floor = string.format('%.0f-0', math.max(0, now[1] * 1000 - ARGV[3]))\n"
    "end\n"
    "return { tip[1], mark, floor, entries }\n";

/* clang-format on */

/* --- scripts ----------------------------------------------------------------------------------*/

static void on_loaded(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    char *sha = arg;
    (void)link;
    if (reply == NULL)
        return;
    if (reply->type == RESP_TEXT && reply->text.size == CLUSTER_SHA_SIZE)
        memcpy(sha, reply->text.data, CLUSTER_SHA_SIZE);
    else
        cluster_count_one(&c->counters.refused); /* without scripts nothing is filed */
}

static void load(struct cluster *c, const char *script, char sha[CLUSTER_SHA_SIZE + 1])
{
    belfry_bytes argv[] = { BELFRY_BYTES("SCRIPT"), BELFRY_BYTES("LOAD"), bytes_of_text(script) };
    sha[0] = '\0';
    (void)link_command(c->publisher, argv, BELFRY_COUNT(argv), on_loaded, sha, 0);
}

void history_load(struct cluster *c)
{
    if (!c->options.keeps_history)
        return;
    load(c, add_script, c->history.add_sha);
    load(c, recall_script, c->history.recall_sha);
}

bool history_is_on(const struct cluster *c)
{
    return c->history.add_sha[0] != '\0';
}

/* --- names ------------------------------------------------------------------------------------*/

/* A namespace's name has no comma (socketio.md), so there is one way to read these. */
static void put_key(struct buf *out, const struct cluster *c, belfry_bytes nsp, belfry_bytes room)
{
    buf_put_text(out, c->options.key);
    buf_put_text(out, ":history:");
    buf_put_bytes(out, nsp);
    if (room.size > 0) {
        buf_put_char(out, ',');
        buf_put_bytes(out, room);
    }
}

static void put_mark_key(struct buf *out, const struct cluster *c)
{
    buf_put_text(out, c->options.key);
    buf_put_text(out, ":history");
}

/* --- adding -----------------------------------------------------------------------------------*/

static void put_sized(struct buf *out, belfry_bytes text)
{
    uint32_t size = (uint32_t)text.size;
    buf_put(out, &size, sizeof size);
    buf_put_bytes(out, text);
}

static belfry_bytes digits(char text[24], uint64_t number)
{
    return bytes_of(text, (size_t)snprintf(text, 24, "%llu", (unsigned long long)number));
}

static void put_number(struct buf *out, uint64_t number)
{
    char text[24];
    put_sized(out, digits(text, number));
}

void history_put_files(struct cluster *c, belfry_bytes nsp, const struct cluster_file *files,
                       unsigned count, struct buf *out)
{
    struct buf *key = &c->name;
    for (unsigned i = 0; i < BELFRY_MIN(count, (unsigned)CLUSTER_MAX_FILES); i++) {
        buf_clear(key);
        put_key(key, c, nsp, files[i].room);
        if (buf_failed(key))
            out->has_failed = 1;
        else
            put_sized(out, buf_bytes(key));
        put_number(out, files[i].most);
        put_number(out, files[i].bytes);
        put_number(out, files[i].age_ms);
    }
}

static belfry_bytes take_sized(const char **at)
{
    uint32_t size;
    memcpy(&size, *at, sizeof size);
    belfry_bytes text = bytes_of(*at + sizeof size, size);
    *at += sizeof size + size;
    return text;
}

belfry_err history_add(struct cluster *c, const struct history_entry *entry, link_reply_fn *fn,
                       void *arg)
{
    belfry_bytes argv[11 + 4 * CLUSTER_MAX_FILES];
    belfry_bytes bounds[3 * CLUSTER_MAX_FILES];
    char key_count[16];
    unsigned n = 0;
    unsigned files = 0;
    struct buf *mark = &c->payload;
    buf_clear(mark);
    put_mark_key(mark, c);
    if (buf_failed(mark))
        return BELFRY_ERR_NOMEM;
    argv[n++] = BELFRY_BYTES("EVALSHA");
    argv[n++] = bytes_of(c->history.add_sha, CLUSTER_SHA_SIZE);
    n++; /* how many keys: known below */
    argv[n++] = bytes_of_text(c->options.key);
    argv[n++] = buf_bytes(mark);
    const char *at = entry->files.data;
    const char *end = at + entry->files.size;
    for (; at < end; files++) {
        argv[n++] = take_sized(&at);
        for (unsigned i = 0; i < 3; i++)
            bounds[files * 3 + i] = take_sized(&at);
    }
    argv[2] = bytes_of(key_count, (size_t)snprintf(key_count, sizeof key_count, "%u", files + 2));
    argv[n++] = entry->length;
    argv[n++] = bytes_of_text(c->uid);
    argv[n++] = entry->nsp;
    argv[n++] = entry->type;
    argv[n++] = entry->data;
    argv[n++] = entry->extra;
    for (unsigned i = 0; i < files * 3; i++)
        argv[n++] = bounds[i];
    return link_command(c->publisher, argv, n, fn, arg, 0);
}

/* --- recalling --------------------------------------------------------------------------------*/

struct recalling {
    const struct cluster_recall_hooks *hooks;
    void *user;
};

static void hear(struct cluster *c, const struct recalling *r, const struct resp *one)
{
    struct stream_fields fields;
    struct note note;
    struct message_id id;
    belfry_bytes epoch;
    if (one->type != RESP_ARRAY || one->count != 2 || one->items[1].type != RESP_ARRAY ||
        !message_id_parse(one->items[0].text, &id, &epoch))
        return;
    stream_read_fields(&one->items[1], &fields);
    belfry_err err = note_decode_entry(&fields.raw, &c->options.limits, &c->scratch, &note);
    if (err == BELFRY_OK && note.type == NOTE_BROADCAST)
        r->hooks->heard(id, &note, fields.extra, r->user);
    else if (err != BELFRY_OK)
        cluster_count_one(err == BELFRY_ERR_NOMEM ? &c->counters.dropped_memory : &c->counters.bad);
}

static void on_recalled(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    struct recalling *r = arg;
    struct message_id tip = { 0 };
    struct message_id mark = { 0 };
    struct message_id floor = { 0 };
    belfry_bytes epoch;
    (void)link;
    bool is_known = reply != NULL && reply->type == RESP_ARRAY && reply->count == 4 &&
                    reply->items[3].type == RESP_ARRAY &&
                    message_id_parse(reply->items[0].text, &tip, &epoch) &&
                    message_id_parse(reply->items[1].text, &mark, &epoch) &&
                    message_id_parse(reply->items[2].text, &floor, &epoch);
    if (reply != NULL && reply->type == RESP_ERROR) {
        cluster_count_one(&c->counters.refused);
        history_load(c);
    }
    for (uint32_t i = is_known ? reply->items[3].count : 0; i > 0; i--)
        hear(c, r, &reply->items[3].items[i - 1]);
    if (message_id_compare(floor, mark) < 0)
        floor = mark;
    r->hooks->done(is_known, floor, tip, r->user);
    mem_free(r);
}

bool cluster_recall(struct cluster *c, const struct cluster_recall_wish *wish,
                    const struct cluster_recall_hooks *hooks, void *user)
{
    char behind[MESSAGE_ID_MAX_TEXT + 1] = "-";
    char numbers[3][24];
    struct buf *mark = &c->payload;
    struct buf *key = &c->name;
    struct recalling *r =
        c->history.recall_sha[0] != '\0' && !c->is_ending ? mem_alloc(sizeof *r) : NULL;
    if (r == NULL)
        return false;
    *r = (struct recalling){ hooks, user };
    buf_clear(mark);
    buf_clear(key);
    put_mark_key(mark, c);
    put_key(key, c, wish->nsp, wish->room);
    size_t behind_size = 1;
    if (wish->since != NULL) {
        behind[0] = '(';
        behind_size += message_id_format(behind + 1, *wish->since, bytes_of(NULL, 0));
    }
    belfry_bytes argv[] = {
        BELFRY_BYTES("EVALSHA"),
        bytes_of(c->history.recall_sha, CLUSTER_SHA_SIZE),
        BELFRY_BYTES("3"),
        bytes_of_text(c->options.key),
        buf_bytes(mark),
        buf_bytes(key),
        bytes_of(behind, behind_size),
        digits(numbers[0], wish->most),
        digits(numbers[1], wish->age_ms),
        digits(numbers[2], wish->most_bytes),
    };
    cluster_count_one(&c->counters.recalls);
    if (!buf_failed(mark) && !buf_failed(key) &&
        link_command(c->publisher, argv, BELFRY_COUNT(argv), on_recalled, r, 0) == BELFRY_OK)
        return true;
    mem_free(r);
    return false;
}
