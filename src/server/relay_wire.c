/*
 * relay_wire.c - one array for all kinds: what a kind does not need is zero or empty in it.
 */
#include "server/relay_wire.h"

#include "base/msgpack.h"

#define ITEMS 10

void relay_put(struct buf *out, const struct relay_message *m)
{
    msgpack_put_array(out, ITEMS);
    msgpack_put_u64(out, m->kind);
    msgpack_put_u64(out, m->id);
    msgpack_put_bin(out, m->from);
    msgpack_put_u64(out, m->worker);
    msgpack_put_u64(out, m->is_secure);
    msgpack_put_u64(out, m->status);
    msgpack_put_u64(out, m->number);
    msgpack_put_bin(out, m->address);
    msgpack_put_bin(out, m->head);
    msgpack_put_bin(out, m->body);
}

static bool read_number(struct msgpack_reader *r, uint64_t most, uint64_t *out)
{
    struct msgpack_token token;
    return msgpack_next(r, &token) && token.kind == MSGPACK_UINT && (*out = token.u) <= most;
}

static bool read_bytes(struct msgpack_reader *r, belfry_bytes *out)
{
    struct msgpack_token token;
    if (!msgpack_next(r, &token) || token.kind != MSGPACK_BIN)
        return false;
    *out = token.bytes;
    return true;
}

bool relay_read(belfry_bytes payload, struct relay_message *out)
{
    struct msgpack_reader r = msgpack_reader_of(payload);
    struct msgpack_token token;
    uint64_t kind;
    uint64_t worker;
    uint64_t is_secure;
    uint64_t status;
    *out = (struct relay_message){ 0 };
    if (!msgpack_next(&r, &token) || token.kind != MSGPACK_ARRAY || token.count != ITEMS ||
        !read_number(&r, RELAY_KIND_END - 1, &kind) || kind == 0 ||
        !read_number(&r, UINT64_MAX, &out->id) || !read_bytes(&r, &out->from) ||
        !read_number(&r, 63, &worker) || !read_number(&r, 1, &is_secure) ||
        !read_number(&r, 999, &status) || !read_number(&r, UINT64_MAX, &out->number) ||
        !read_bytes(&r, &out->address) || !read_bytes(&r, &out->head) ||
        !read_bytes(&r, &out->body) || r.at != r.end)
        return false;
    out->kind = (enum relay_kind)kind;
    out->worker = (unsigned)worker;
    out->is_secure = is_secure != 0;
    out->status = (unsigned)status;
    return out->from.size == RELAY_TAG_SIZE;
}
