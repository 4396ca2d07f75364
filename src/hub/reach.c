/*
 * reach.c - from the names in a target to members, each once.
 *
 *   targets:     everyone, or rooms and members by id; a bit for each who was seen already
 *   exceptions:  rooms and members by id, and the one by its number
 */
#include "hub/reach.h"

#include "hub/everyone.h"
#include "hub/local_room.h"
#include "hub/nsp.h"

/* --- finding ----------------------------------------------------------------------------------*/

struct member *reach_member(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes name)
{
    struct member *member = shard->hub->find_member(shard, nsp, name);
    /* Of this namespace, and live in it already. */
    return member != NULL && everyone_has(&nsp_part(nsp, shard)->everyone, member) ? member : NULL;
}

static void add_name(struct reach_part *to, struct hub_shard *shard, struct hub_nsp *nsp,
                     const struct message_room *name)
{
    if (name->owner >= 0) {
        bool is_ours = (unsigned)name->owner == shard->index;
        struct member *member = is_ours ? reach_member(shard, nsp, name->name) : NULL;
        if (member != NULL)
            to->members[to->member_count++] = member;
        return;
    }
    const struct local_room *room = local_room_find(nsp_part(nsp, shard), name->name, name->hash);
    if (room != NULL)
        to->rooms[to->room_count++] = room;
}

void reach_find(struct reach *reach, struct hub_shard *shard, struct hub_nsp *nsp,
                const struct message_room *rooms, unsigned room_count, unsigned except_count,
                uint64_t except_member)
{
    BELFRY_ASSERT(room_count <= MESSAGE_MAX_NAMES && except_count <= MESSAGE_MAX_NAMES);
    reach->everyone = &nsp_part(nsp, shard)->everyone;
    reach->is_for_all = room_count == 0;
    reach->except_member = except_member;
    reach->to.room_count = reach->to.member_count = 0;
    reach->except.room_count = reach->except.member_count = 0;
    for (unsigned i = 0; i < room_count; i++)
        add_name(&reach->to, shard, nsp, &rooms[i]);
    for (unsigned i = room_count; i < room_count + except_count; i++)
        add_name(&reach->except, shard, nsp, &rooms[i]);
}

/* --- walking ----------------------------------------------------------------------------------*/

static bool is_excepted(const struct reach *reach, const struct member *member)
{
    if (member->id == reach->except_member)
        return true;
    for (unsigned i = 0; i < reach->except.member_count; i++) {
        if (reach->except.members[i] == member)
            return true;
    }
    for (unsigned i = 0; i < reach->except.room_count; i++) {
        if (local_room_membership(reach->except.rooms[i], member) != NULL)
            return true;
    }
    return false;
}

/* One source reaches nobody twice. */
static bool has_one_source(const struct reach *reach)
{
    return reach->to.room_count + reach->to.member_count == 1;
}

static void visit_member(const struct reach *reach, struct member *member,
                         struct membership *membership, reach_visit_fn *visit, void *arg)
{
    if ((has_one_source(reach) || everyone_see(reach->everyone, member)) &&
        !is_excepted(reach, member))
        visit(member, membership, arg);
}

static void visit_everyone(const struct reach *reach, reach_visit_fn *visit, void *arg)
{
    for (uint32_t i = 0; i < reach->everyone->count; i++) {
        struct member *member = reach->everyone->members[i];
        if (!is_excepted(reach, member))
            visit(member, NULL, arg);
    }
}

void reach_each(const struct reach *reach, reach_visit_fn *visit, void *arg)
{
    if (reach->is_for_all) {
        visit_everyone(reach, visit, arg);
        return;
    }
    for (unsigned r = 0; r < reach->to.room_count; r++) {
        const struct local_room *room = reach->to.rooms[r];
        for (uint32_t i = 0; i < room->count; i++) {
            struct member *member = room->members[i].member;
            visit_member(reach, member, &member->memberships[room->members[i].row], visit, arg);
        }
    }
    for (unsigned i = 0; i < reach->to.member_count; i++)
        visit_member(reach, reach->to.members[i], NULL, visit, arg);
    if (!has_one_source(reach))
        everyone_forget_seen(reach->everyone);
}

/* --- for the server ---------------------------------------------------------------------------*/

static struct message_room resolve(const struct hub *hub, belfry_bytes name)
{
    return (struct message_room){ .name = name,
                                  .hash = map_hash(&hub->hash_key, name),
                                  .owner = hub_owner_of(hub, name) };
}

struct selected {
    void (*visit)(struct member *member, void *arg);
    void *arg;
};

static void visit_selected(struct member *member, struct membership *membership, void *arg)
{
    const struct selected *selected = arg;
    (void)membership;
    selected->visit(member, selected->arg);
}

void hub_each_selected(struct hub_shard *shard, struct hub_nsp *nsp,
                       const struct hub_selection *selection,
                       void (*visit)(struct member *member, void *arg), void *arg)
{
    struct message_room names[2 * MESSAGE_MAX_NAMES];
    unsigned count = 0;
    struct reach reach;
    struct selected selected = { visit, arg };
    for (unsigned i = 0; i < selection->room_count; i++)
        names[count++] = resolve(nsp->hub, selection->rooms[i]);
    for (unsigned i = 0; i < selection->except_count; i++)
        names[count++] = resolve(nsp->hub, selection->excepts[i]);
    reach_find(&reach, shard, nsp, names, selection->room_count, selection->except_count,
               selection->except_member);
    reach_each(&reach, visit_selected, &selected);
}
