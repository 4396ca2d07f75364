/*
 * resp.c - hiredis' reader with objects of our own: they lie in an arena that is emptied when the
 * next reply begins.
 *
 *   [chunk 16 KiB][chunk ...]      the first one stays; larger ones go when a reply is done with
 */
#include "redis/resp.h"

#include <hiredis/read.h>

#include "base/alloc.h"

#define CHUNK_SIZE 16384

struct chunk {
    struct chunk *next;
    size_t size, used;
    char bytes[];
};

struct resp_reader {
    redisReader *hiredis;
    struct resp_limits limits;
    struct chunk *chunks; /* the newest first; the last is kept */
    belfry_err err;       /* why an object could not be made */
};

/* --- the arena --------------------------------------------------------------------------------*/

static struct chunk *add_chunk(struct resp_reader *r, size_t size)
{
    struct chunk *chunk = mem_alloc(sizeof *chunk + size);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct chunk){ .next = r->chunks, .size = size };
    r->chunks = chunk;
    return chunk;
}

static void *arena_take(struct resp_reader *r, size_t size)
{
    struct chunk *chunk = r->chunks;
    size_t used = (chunk->used + 7) & ~(size_t)7;
    if (used + size > chunk->size) {
        chunk = add_chunk(r, BELFRY_MAX(size, (size_t)CHUNK_SIZE));
        if (chunk == NULL) {
            r->err = BELFRY_ERR_NOMEM;
            return NULL;
        }
        used = 0;
    }
    chunk->used = used + size;
    return chunk->bytes + used;
}

static void arena_empty(struct resp_reader *r)
{
    while (r->chunks->next != NULL) {
        struct chunk *next = r->chunks->next;
        mem_free(r->chunks);
        r->chunks = next;
    }
    r->chunks->used = 0;
}

/* --- objects ----------------------------------------------------------------------------------*/

/* Where the object of @task goes: into its array, or it is the reply itself. */
static struct resp *place_of(struct resp_reader *r, const redisReadTask *task)
{
    if (task->parent == NULL) {
        arena_empty(r);
        return arena_take(r, sizeof(struct resp));
    }
    const struct resp *array = task->parent->obj;
    return (struct resp *)&array->items[task->idx];
}

static void *create_string(const redisReadTask *task, char *text, size_t size)
{
    struct resp_reader *r = task->privdata;
    struct resp *resp = place_of(r, task);
    char *copy = resp != NULL ? arena_take(r, size + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *resp = (struct resp){ .type = task->type == REDIS_REPLY_ERROR    ? RESP_ERROR
                                   : task->type == REDIS_REPLY_STATUS ? RESP_STATUS
                                                                      : RESP_TEXT,
                           .text = bytes_of(copy, size) };
    return resp;
}

static void *create_array(const redisReadTask *task, int count)
{
    struct resp_reader *r = task->privdata;
    if (count < 0 || (uint32_t)count > r->limits.max_items) {
        r->err = BELFRY_ERR_LIMIT;
        return NULL;
    }
    struct resp *resp = place_of(r, task);
    struct resp *items = resp != NULL ? arena_take(r, (size_t)count * sizeof *items) : NULL;
    if (items == NULL)
        return NULL;
    *resp = (struct resp){ .type = RESP_ARRAY, .items = items, .count = (uint32_t)count };
    return resp;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct resp *resp = place_of(task->privdata, task);
    if (resp != NULL)
        *resp = (struct resp){ .type = RESP_INTEGER, .integer = value };
    return resp;
}

static void *create_nil(const redisReadTask *task)
{
    struct resp *resp = place_of(task->privdata, task);
    if (resp != NULL)
        *resp = (struct resp){ .type = RESP_NIL };
    return resp;
}

static void free_object(void *object)
{
    (void)object; /* the arena's */
}

/* --- reading ----------------------------------------------------------------------------------*/

struct resp_reader *resp_reader_new(const struct resp_limits *limits)
{
    static redisReplyObjectFunctions functions = { create_string, create_array, create_integer,
                                                   create_nil, free_object };
    struct resp_reader *r = mem_alloc_zeroed(sizeof *r);
    if (r == NULL)
        return NULL;
    r->limits = *limits;
    r->hiredis = redisReaderCreateWithFunctions(&functions);
    if (r->hiredis == NULL || add_chunk(r, CHUNK_SIZE) == NULL)
        return resp_reader_free(r);
    r->hiredis->privdata = r;
    return r;
}

struct resp_reader *resp_reader_free(struct resp_reader *r)
{
    if (r == NULL)
        return NULL;
    if (r->hiredis != NULL)
        redisReaderFree(r->hiredis);
    while (r->chunks != NULL) {
        struct chunk *next = r->chunks->next;
        mem_free(r->chunks);
        r->chunks = next;
    }
    mem_free(r);
    return NULL;
}

belfry_err resp_feed(struct resp_reader *r, const void *data, size_t size)
{
    size_t waiting = r->hiredis->len - r->hiredis->pos;
    if (waiting + size > r->limits.max_reply_bytes)
        return BELFRY_ERR_LIMIT;
    return redisReaderFeed(r->hiredis, data, size) == REDIS_OK ? BELFRY_OK : BELFRY_ERR_NOMEM;
}

belfry_err resp_next(struct resp_reader *r, const struct resp **out_reply)
{
    void *reply = NULL;
    if (redisReaderGetReply(r->hiredis, &reply) != REDIS_OK)
        return r->err != BELFRY_OK ? r->err : BELFRY_ERR_INVALID;
    *out_reply = reply;
    return BELFRY_OK;
}

/* --- writing ----------------------------------------------------------------------------------*/

static size_t digits_of(size_t number)
{
    size_t digits = 1;
    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

size_t resp_command_size(const belfry_bytes *argv, unsigned argc)
{
    size_t size = 3 + digits_of(argc);
    for (unsigned i = 0; i < argc; i++)
        size += 5 + digits_of(argv[i].size) + argv[i].size;
    return size;
}

static void put_count(struct buf *out, char kind, size_t count)
{
    buf_put_char(out, kind);
    buf_put_u64(out, count);
    buf_put(out, "\r\n", 2);
}

void resp_put_command(struct buf *out, const belfry_bytes *argv, unsigned argc)
{
    put_count(out, '*', argc);
    for (unsigned i = 0; i < argc; i++) {
        put_count(out, '$', argv[i].size);
        buf_put_bytes(out, argv[i]);
        buf_put(out, "\r\n", 2);
    }
}
