/*
 * message.c - one block of memory per message, and a list of forms that only grows.
 *
 *   [struct message | rooms | deliveries | attachments
 *    | bytes of sender, user, name, args, attachments, key, room names]
 *
 * Forms are installed with one compare-and-swap; two workers that encode the same form at the same
 * time both finish, one wins, the other frees its own.
 */
#include "hub/message.h"

#include "base/alloc.h"

/* What remembering costs besides the message itself, estimated: one wire form, apart from its text;
 * and for each room its place there, and the room, if nobody is in it any more. */
#define FORM_COST 128
#define ROOM_COST ((size_t)192)

static size_t sum_of_sizes(const belfry_bytes *parts, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += parts[i].size;
    return sum;
}

static belfry_bytes copy_to(char **at, belfry_bytes from)
{
    char *start = *at;
    if (from.size > 0)
        memcpy(start, from.data, from.size);
    *at += from.size;
    return bytes_of(start, from.size);
}

static const belfry_bytes *rooms_of(const struct message_spec *spec)
{
    return spec->many_rooms != NULL ? spec->many_rooms : spec->rooms;
}

static const belfry_bytes *excepts_of(const struct message_spec *spec)
{
    return spec->many_excepts != NULL ? spec->many_excepts : spec->excepts;
}

static void copy_rooms(char **at, const struct message_spec *spec, const struct map_key *hash_key,
                       struct message_room *out)
{
    for (unsigned i = 0; i < (unsigned)spec->room_count + spec->except_count; i++) {
        belfry_bytes name =
            i < spec->room_count ? rooms_of(spec)[i] : excepts_of(spec)[i - spec->room_count];
        out[i].name = copy_to(at, name);
        out[i].hash = map_hash(hash_key, name);
        out[i].owner = -1;
    }
}

/* The scope makes keys of different senders and rooms different. */
static belfry_bytes copy_key(char **at, const struct message_spec *spec)
{
    if (spec->whole_key.size > 0)
        return copy_to(at, spec->whole_key);
    if (spec->key.size == 0)
        return bytes_of(NULL, 0);
    char *start = *at;
    *(*at)++ = spec->user.size > 0 ? 'u' : 's'; /* nobody can be named like a socket's id */
    (void)copy_to(at, spec->user.size > 0 ? spec->user : spec->sender);
    *(*at)++ = '\0';
    if (spec->room_count > 0)
        (void)copy_to(at, spec->rooms[0]);
    *(*at)++ = '\0';
    (void)copy_to(at, spec->key);
    return bytes_of(start, (size_t)(*at - start));
}

static size_t key_size(const struct message_spec *spec)
{
    if (spec->whole_key.size > 0)
        return spec->whole_key.size;
    if (spec->key.size == 0)
        return 0;
    return spec->sender.size + spec->user.size + spec->rooms[0].size + spec->key.size + 3;
}

struct message *message_new(const struct message_spec *spec, const struct map_key *hash_key,
                            unsigned worker_count)
{
    size_t room_count = (size_t)spec->room_count + spec->except_count;
    size_t text_size = spec->sender.size + spec->user.size + spec->name.size + spec->args.size +
                       sum_of_sizes(spec->attachments, spec->attachment_count) + key_size(spec) +
                       sum_of_sizes(rooms_of(spec), spec->room_count) +
                       sum_of_sizes(excepts_of(spec), spec->except_count);
    size_t size = sizeof(struct message) + room_count * sizeof(struct message_room) +
                  (worker_count + 1) * sizeof(struct delivery) +
                  spec->attachment_count * sizeof(belfry_bytes) + text_size;
    struct message *m = mem_alloc(size);
    if (m == NULL)
        return NULL;
    struct message_room *rooms = (struct message_room *)(m + 1);
    struct delivery *deliveries = (struct delivery *)(rooms + room_count);
    belfry_bytes *attachments = (belfry_bytes *)(deliveries + worker_count + 1);
    char *at = (char *)(attachments + spec->attachment_count);
    *m = (struct message){
        .refs = 1,
        .kind = spec->kind,
        .flags = spec->flags | (spec->has_ack ? MESSAGE_UNLOGGED : 0),
        .room_count = spec->room_count,
        .except_count = spec->except_count,
        .attachment_count = spec->attachment_count,
        .has_ack = spec->has_ack,
        .ack_id = spec->ack_id,
        .call_key = spec->call_key,
        .call_timeout_ms = spec->call_timeout_ms,
        .cost = (uint32_t)BELFRY_MIN(size + text_size + FORM_COST + spec->room_count * ROOM_COST,
                                     (size_t)UINT32_MAX),
        .wall_ms = spec->wall_ms,
        .except_member = spec->except_member,
        .origin = -1,
        .sender = copy_to(&at, spec->sender),
        .rooms = rooms,
        .attachments = attachments,
        .deliveries = deliveries,
    };
    m->user = copy_to(&at, spec->user);
    m->name = copy_to(&at, spec->name);
    m->args = copy_to(&at, spec->args);
    for (unsigned i = 0; i < spec->attachment_count; i++)
        attachments[i] = copy_to(&at, spec->attachments[i]);
    m->key = copy_key(&at, spec);
    copy_rooms(&at, spec, hash_key, rooms);
    if (m->key.size > 0)
        m->by_key.hash = map_hash(hash_key, m->key);
    for (unsigned i = 0; i <= worker_count; i++)
        deliveries[i] = (struct delivery){ .message = m };
    return m;
}

struct message *message_unref(struct message *m)
{
    if (m == NULL)
        return NULL;
    unsigned before = atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel);
    BELFRY_ASSERT(before > 0);
    if (before > 1)
        return NULL;
    struct message_form *next;
    for (struct message_form *form = atomic_load(&m->forms); form != NULL; form = next) {
        next = form->next;
        frame_unref(form->frame);
        mem_free(form);
    }
    mem_free(m);
    return NULL;
}

static struct frame *find_form(struct message_form *form, const struct message_form *end,
                               unsigned key)
{
    for (; form != end; form = form->next) {
        if (form->key == key)
            return form->frame;
    }
    return NULL;
}

struct frame *message_form(struct message *m, unsigned key, message_encode_fn *encode, void *user)
{
    struct message_form *first = atomic_load_explicit(&m->forms, memory_order_acquire);
    struct frame *found = find_form(first, NULL, key);
    if (found != NULL)
        return found;
    struct message_form *form = mem_alloc(sizeof *form);
    struct frame *frame = form != NULL ? encode(m, key, user) : NULL;
    if (frame == NULL) {
        mem_free(form);
        return NULL;
    }
    *form = (struct message_form){ .next = first, .key = key, .frame = frame };
    while (!atomic_compare_exchange_weak_explicit(&m->forms, &form->next, form,
                                                  memory_order_acq_rel, memory_order_acquire)) {
        found = find_form(form->next, first, key);
        if (found != NULL) {
            frame_unref(frame);
            mem_free(form);
            return found;
        }
        first = form->next;
    }
    return frame;
}
