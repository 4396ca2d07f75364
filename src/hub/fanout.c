/*
 * fanout.c - from a worker's inbox to its members.
 *
 *   inbox: [A room x][A room x][B room y][marker]      -> batches: {A, A} {B} (marker)
 *
 * Consecutive messages to one room, one member or everyone go as one batch: members are walked
 * once, and each gets one frame that holds all of them, joined per form. References for all members
 * are taken with one atomic operation, and what was not used is given back at the end.
 */
#include "base/alloc.h"
#include "hub/local_room.h"
#include "hub/nsp.h"
#include "hub/reach.h"

#define PREFETCH_AHEAD 6

/* --- the forms of a batch ---------------------------------------------------------------------*/

static struct frame *encode_one(struct hub_batch *batch, unsigned index, unsigned key)
{
    struct hub_shard *shard = batch->shard;
    return message_form(batch->messages[index], key, shard->hub->encode, shard->owner);
}

static struct frame *join_frames(struct hub_batch *batch, unsigned key)
{
    struct frame *parts[HUB_BATCH_MESSAGES];
    size_t size = 0;
    for (unsigned i = 0; i < batch->count; i++) {
        parts[i] = encode_one(batch, i, key);
        if (parts[i] == NULL)
            return NULL;
        size += parts[i]->size;
    }
    if (batch->count == 1)
        return frame_ref(parts[0]);
    if (size > HUB_BATCH_BYTES)
        return NULL;
    struct frame *joined = frame_new(size);
    uint8_t *at = joined != NULL ? joined->bytes : NULL;
    for (unsigned i = 0; joined != NULL && i < batch->count; i++) {
        memcpy(at, parts[i]->bytes, parts[i]->size);
        at += parts[i]->size;
    }
    return joined;
}

static struct hub_batch_form *find_batch_form(struct hub_batch *batch, unsigned key)
{
    for (unsigned i = 0; i < batch->form_count; i++) {
        if (batch->forms[i].key == key)
            return &batch->forms[i];
    }
    return NULL;
}

struct frame *hub_batch_frame(struct hub_batch *batch, unsigned key)
{
    struct hub_batch_form *form = find_batch_form(batch, key);
    if (form == NULL) {
        struct frame *frame = join_frames(batch, key);
        if (frame == NULL || batch->form_count == HUB_BATCH_FORMS)
            return frame; /* more forms than rows: this caller pays for its own */
        form = &batch->forms[batch->form_count++];
        *form = (struct hub_batch_form){ .key = key, .frame = frame, .prepaid = batch->members };
        frame_ref_many(frame, form->prepaid);
    }
    if (form->prepaid == 0)
        return frame_ref(form->frame);
    form->prepaid--;
    return form->frame;
}

struct frame *hub_batch_frame_of(struct hub_batch *batch, unsigned index, unsigned key)
{
    if (batch->count == 1)
        return hub_batch_frame(batch, key);
    struct frame *frame = encode_one(batch, index, key);
    return frame != NULL ? frame_ref(frame) : NULL;
}

static void release_forms(struct hub_batch *batch)
{
    for (unsigned i = 0; i < batch->form_count; i++) {
        struct hub_batch_form *form = &batch->forms[i];
        if (form->prepaid > 0)
            atomic_fetch_sub_explicit(&form->frame->refs, form->prepaid, memory_order_relaxed);
        frame_unref(form->frame);
    }
    batch->form_count = 0;
}

/* --- delivering -------------------------------------------------------------------------------*/

static void deliver_alone(struct hub_shard *shard, struct message *m, struct member *member,
                          struct membership *membership)
{
    struct hub_batch batch = { .shard = shard, .messages = &m, .count = 1, .members = 1 };
    member->ops->deliver(member, &batch, membership);
    release_forms(&batch);
    shard->delivered++;
}

void hub_deliver_to(struct hub_shard *shard, struct hub_nsp *nsp, struct message *m,
                    struct member *member)
{
    m->nsp = nsp;
    deliver_alone(shard, m, member, NULL);
}

static bool is_excepted(const struct hub_batch *batch, const struct member *member)
{
    for (unsigned i = 0; i < batch->count; i++) {
        if (batch->messages[i]->except_member == member->id)
            return true;
    }
    return false;
}

static bool has_excepts(const struct hub_batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        if (batch->messages[i]->except_member != 0)
            return true;
    }
    return false;
}

static void deliver_rest(struct hub_batch *batch, struct member *member,
                         struct membership *membership)
{
    for (unsigned i = 0; i < batch->count; i++) {
        if (batch->messages[i]->except_member != member->id)
            deliver_alone(batch->shard, batch->messages[i], member, membership);
    }
}

/* A member is a field in the middle of a larger object, all of which its deliver will touch. */
static void prefetch_member(const struct member *member)
{
    __builtin_prefetch((const char *)member - 128);
    __builtin_prefetch((const char *)member - 64);
    __builtin_prefetch(member);
    __builtin_prefetch((const char *)member + 64);
}

static void deliver_to_member(struct hub_batch *batch, struct member *member,
                              struct membership *membership, bool may_except)
{
    if (BELFRY_UNLIKELY(may_except) && is_excepted(batch, member)) {
        deliver_rest(batch, member, membership);
        return;
    }
    member->ops->deliver(member, batch, membership);
    batch->shard->delivered += batch->count;
}

static void deliver_to_room(struct hub_batch *batch, const struct local_room *room)
{
    bool may_except = has_excepts(batch);
    batch->members = room->count;
    for (uint32_t i = 0; i < room->count; i++) {
        if (i + PREFETCH_AHEAD < room->count)
            prefetch_member(room->members[i + PREFETCH_AHEAD].member);
        struct member *member = room->members[i].member;
        deliver_to_member(batch, member, &member->memberships[room->members[i].row], may_except);
    }
    release_forms(batch);
}

static void deliver_to_everyone(struct hub_batch *batch, const struct everyone *everyone)
{
    bool may_except = has_excepts(batch);
    batch->members = everyone->count;
    for (uint32_t i = 0; i < everyone->count; i++) {
        if (i + PREFETCH_AHEAD < everyone->count)
            prefetch_member(everyone->members[i + PREFETCH_AHEAD]);
        deliver_to_member(batch, everyone->members[i], NULL, may_except);
    }
    release_forms(batch);
}

/* --- messages to several rooms, or with exceptions --------------------------------------------*/

struct targeted {
    struct hub_shard *shard;
    struct message *message;
};

static void deliver_to_one(struct member *member, struct membership *membership, void *arg)
{
    const struct targeted *t = arg;
    deliver_alone(t->shard, t->message, member, membership);
}

static void deliver_targeted(struct hub_shard *shard, struct message *m)
{
    struct reach reach;
    struct targeted t = { shard, m };
    reach_find(&reach, shard, m->nsp, m->rooms, m->room_count, m->except_count, m->except_member);
    reach_each(&reach, deliver_to_one, &t);
}

/* --- the inbox --------------------------------------------------------------------------------*/

static bool is_simple(const struct message *m)
{
    return m->room_count <= 1 && m->except_count == 0;
}

static bool has_same_target(const struct message *first, const struct message *m)
{
    if (m->nsp != first->nsp || m->room_count != first->room_count)
        return false;
    return m->room_count == 0 || (m->rooms[0].hash == first->rooms[0].hash &&
                                  bytes_equal(m->rooms[0].name, first->rooms[0].name));
}

static bool may_follow(const struct message *first, const struct message *m)
{
    return !first->has_ack && !m->has_ack && is_simple(m) && has_same_target(first, m) &&
           (m->flags & MESSAGE_VOLATILE) == (first->flags & MESSAGE_VOLATILE);
}

static struct message *message_of(const struct post *post)
{
    return BELFRY_CONTAINER_OF(post, struct delivery, post)->message;
}

static void deliver_to_own_id(struct hub_batch *batch, belfry_bytes id)
{
    struct member *member = reach_member(batch->shard, batch->messages[0]->nsp, id);
    batch->members = 1;
    if (member != NULL)
        deliver_to_member(batch, member, NULL, has_excepts(batch));
    release_forms(batch);
}

static void deliver_batch(struct hub_batch *batch)
{
    const struct message *first = batch->messages[0];
    struct hub_nsp_shard *part = nsp_part(first->nsp, batch->shard);
    if (first->room_count == 0) {
        deliver_to_everyone(batch, &part->everyone);
        return;
    }
    const struct message_room *target = &first->rooms[0];
    if (target->owner >= 0) {
        deliver_to_own_id(batch, target->name);
        return;
    }
    const struct local_room *room = local_room_find(part, target->name, target->hash);
    if (room != NULL)
        deliver_to_room(batch, room);
}

/* Takes the run of messages to one target that begins with @post; returns what is left. */
static struct post *deliver_run(struct hub_shard *shard, struct post *post)
{
    struct message *messages[HUB_BATCH_MESSAGES] = { message_of(post) };
    struct hub_batch batch = { .shard = shard, .messages = messages, .count = 1 };
    for (post = post->next; post != NULL && batch.count < HUB_BATCH_MESSAGES; post = post->next) {
        struct message *m = message_of(post);
        if (m == NULL || !may_follow(messages[0], m))
            break;
        messages[batch.count++] = m;
    }
    deliver_batch(&batch);
    for (unsigned i = 0; i < batch.count; i++)
        message_unref(messages[i]);
    atomic_fetch_sub_explicit(&shard->inbox_count, batch.count, memory_order_relaxed);
    return post;
}

void hub_drain(struct hub_shard *shard)
{
    if (shard->is_draining)
        return;
    shard->is_draining = true;
    struct post *post;
    while ((post = mailbox_take(&shard->inbox)) != NULL) {
        while (post != NULL) {
            struct delivery *delivery = BELFRY_CONTAINER_OF(post, struct delivery, post);
            if (delivery->message != NULL && is_simple(delivery->message)) {
                post = deliver_run(shard, post);
                continue;
            }
            post = post->next;
            if (delivery->message == NULL) {
                delivery->run(delivery, shard); /* may free it */
            } else {
                deliver_targeted(shard, delivery->message);
                message_unref(delivery->message);
            }
            atomic_fetch_sub_explicit(&shard->inbox_count, 1, memory_order_relaxed);
        }
    }
    shard->is_draining = false;
}
