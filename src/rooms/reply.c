/*
 * reply.c - one JSON object per function, its fields in the order in which a reader wants them.
 *
 *     {"type":"message"  ,"room":"general"  ,"text":"hi"  }
 *      open              put_text_field     put_json_field
 *
 * A field whose bytes are empty is left out, so callers say nothing about what they do not know.
 */
#include "rooms/reply.h"

#include "base/json.h"

/* --- fields ------------------------------------------------------------------------------ */

/* @name comes as `,"name":`, so that it is one copy. */
static void put_text_field(struct buf *b, belfry_bytes name, belfry_bytes text)
{
    if (text.size == 0)
        return;
    buf_put_bytes(b, name);
    json_put_string(b, text);
}

static void put_json_field(struct buf *b, belfry_bytes name, belfry_bytes json)
{
    if (json.size == 0)
        return;
    buf_put_bytes(b, name);
    buf_put_bytes(b, json);
}

static void put_number_field(struct buf *b, belfry_bytes name, uint64_t number)
{
    buf_put_bytes(b, name);
    buf_put_u64(b, number);
}

static void put_ref(struct buf *b, belfry_bytes ref)
{
    put_json_field(b, BELFRY_BYTES(",\"ref\":"), ref);
}

static void put_room(struct buf *b, belfry_bytes room)
{
    put_text_field(b, BELFRY_BYTES(",\"room\":"), room);
}

static void put_id(struct buf *b, belfry_bytes id)
{
    put_text_field(b, BELFRY_BYTES(",\"id\":"), id);
}

static void put_user(struct buf *b, belfry_bytes user)
{
    put_text_field(b, BELFRY_BYTES(",\"user\":"), user);
}

static void put_from(struct buf *b, struct rooms_person from)
{
    put_text_field(b, BELFRY_BYTES(",\"from\":"), from.id);
    put_user(b, from.user);
}

/* --- answers ----------------------------------------------------------------------------- */

void rooms_put_welcome(struct buf *b, struct rooms_person self)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"welcome\""));
    put_id(b, self.id);
    put_user(b, self.user);
    buf_put_char(b, '}');
}

/* How whole it is, and where to go on from; ends the object. */
static void put_position(struct buf *b, belfry_bytes gap, belfry_bytes last)
{
    buf_put_bytes(b, gap.size > 0 ? BELFRY_BYTES(",\"gap\":true") : BELFRY_BYTES(",\"gap\":false"));
    put_text_field(b, BELFRY_BYTES(",\"reason\":"), gap);
    put_text_field(b, BELFRY_BYTES(",\"last\":"), last);
    buf_put_char(b, '}');
}

void rooms_put_joined(struct buf *b, const struct rooms_joined *joined)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"joined\""));
    put_ref(b, joined->ref);
    put_room(b, joined->room);
    put_number_field(b, BELFRY_BYTES(",\"members\":"), joined->members);
    buf_put_bytes(b, BELFRY_BYTES(",\"history\":["));
    for (size_t i = 0; i < joined->history_count; i++) {
        if (i > 0)
            buf_put_char(b, ',');
        buf_put_bytes(b, joined->history[i]);
    }
    buf_put_char(b, ']');
    put_position(b, joined->gap, joined->last);
}

void rooms_put_reading(struct buf *b, const struct rooms_reading *reading)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"joined\",\"rooms\":["));
    for (size_t i = 0; i < reading->room_count; i++) {
        if (i > 0)
            buf_put_char(b, ',');
        json_put_string(b, reading->rooms[i]);
    }
    buf_put_char(b, ']');
    put_position(b, reading->gap, reading->last);
}

void rooms_put_left(struct buf *b, belfry_bytes ref, belfry_bytes room)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"left\""));
    put_ref(b, ref);
    put_room(b, room);
    buf_put_char(b, '}');
}

static void put_person(struct buf *b, struct rooms_person person)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"id\":"));
    json_put_string(b, person.id);
    put_user(b, person.user);
    buf_put_char(b, '}');
}

void rooms_put_members(struct buf *b, const struct rooms_members *members)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"members\""));
    put_ref(b, members->ref);
    put_room(b, members->room);
    put_number_field(b, BELFRY_BYTES(",\"count\":"), members->count);
    buf_put_bytes(b, BELFRY_BYTES(",\"members\":["));
    for (size_t i = 0; i < members->page_count; i++) {
        if (i > 0)
            buf_put_char(b, ',');
        put_person(b, members->page[i]);
    }
    buf_put_char(b, ']');
    put_text_field(b, BELFRY_BYTES(",\"next\":"), members->next);
    buf_put_char(b, '}');
}

void rooms_put_ack(struct buf *b, belfry_bytes ref, belfry_bytes id)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"ack\""));
    put_ref(b, ref);
    put_id(b, id);
    buf_put_char(b, '}');
}

void rooms_put_error(struct buf *b, belfry_bytes ref, enum rooms_error error, belfry_bytes reason)
{
    if (reason.size == 0)
        reason = bytes_of_text(rooms_error_reason(error));
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"error\""));
    put_ref(b, ref);
    put_text_field(b, BELFRY_BYTES(",\"code\":"), bytes_of_text(rooms_error_code(error)));
    put_text_field(b, BELFRY_BYTES(",\"reason\":"), reason);
    buf_put_char(b, '}');
}

void rooms_put_pong(struct buf *b, belfry_bytes ref)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"pong\""));
    put_ref(b, ref);
    buf_put_char(b, '}');
}

/* --- what happens in a room -------------------------------------------------------------- */

void rooms_put_message(struct buf *b, const struct rooms_message *message)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"message\""));
    put_room(b, message->room);
    put_id(b, message->id);
    put_from(b, message->from);
    put_json_field(b, BELFRY_BYTES(",\"text\":"), message->text);
    put_number_field(b, BELFRY_BYTES(",\"timestamp\":"), message->timestamp_ms);
    buf_put_char(b, '}');
}

void rooms_put_event(struct buf *b, const struct rooms_event *event)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"event\""));
    put_room(b, event->room);
    put_id(b, event->id);
    if (event->event_json.size > 0)
        put_json_field(b, BELFRY_BYTES(",\"event\":"), event->event_json);
    else
        put_text_field(b, BELFRY_BYTES(",\"event\":"), event->event);
    put_from(b, event->from);
    put_json_field(b, BELFRY_BYTES(",\"data\":"),
                   event->data.size > 0 ? event->data : BELFRY_BYTES("null"));
    buf_put_char(b, '}');
}

static void put_presence(struct buf *b, belfry_bytes opening, belfry_bytes room,
                         struct rooms_person who, uint64_t members)
{
    buf_put_bytes(b, opening);
    put_room(b, room);
    put_text_field(b, BELFRY_BYTES(",\"userId\":"), who.id);
    put_user(b, who.user);
    put_number_field(b, BELFRY_BYTES(",\"members\":"), members);
    buf_put_char(b, '}');
}

void rooms_put_user_joined(struct buf *b, belfry_bytes room, struct rooms_person who,
                           uint64_t members)
{
    put_presence(b, BELFRY_BYTES("{\"type\":\"user-joined\""), room, who, members);
}

void rooms_put_user_left(struct buf *b, belfry_bytes room, struct rooms_person who,
                         uint64_t members)
{
    put_presence(b, BELFRY_BYTES("{\"type\":\"user-left\""), room, who, members);
}

void rooms_put_member_count(struct buf *b, belfry_bytes room, uint64_t count)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"members\""));
    put_room(b, room);
    put_number_field(b, BELFRY_BYTES(",\"count\":"), count);
    buf_put_char(b, '}');
}

void rooms_put_gap(struct buf *b, belfry_bytes room, belfry_bytes reason)
{
    buf_put_bytes(b, BELFRY_BYTES("{\"type\":\"gap\""));
    put_room(b, room);
    put_text_field(b, BELFRY_BYTES(",\"reason\":"), reason);
    buf_put_char(b, '}');
}
