/*
 * Whatever a client sends, what others would be sent because of it is JSON, and the names that got
 * through keep the rules.
 */
#include "base/json.h"
#include "base/utf8.h"
#include "rooms/names.h"
#include "rooms/reply.h"
#include "rooms/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 16

static const struct rooms_limits limits = { .max_json_depth = DEPTH, .max_room_name_bytes = 64 };

static void check_request(const struct rooms_request *r)
{
    BELFRY_ASSERT(r->reason.size == 0 && r->has_room == (r->room.size > 0));
    if (r->has_room)
        BELFRY_ASSERT(rooms_check_room(r->room, 64) == ROOMS_NAME_OK && utf8_is_valid(r->room));
    if (r->type == ROOMS_EVENT)
        BELFRY_ASSERT(rooms_check_event(r->event, ROOMS_MAX_EVENT_BYTES) == ROOMS_NAME_OK &&
                      json_string_equals(r->event_json, r->event));
    BELFRY_ASSERT(utf8_is_valid(r->key) && utf8_is_valid(r->since) && utf8_is_valid(r->after));
}

static void put_answer(struct buf *out, enum rooms_error error, const struct rooms_request *r)
{
    if (error != ROOMS_OK)
        rooms_put_error(out, r->ref, error, r->reason);
    else if (r->type == ROOMS_MESSAGE)
        rooms_put_message(out, &(struct rooms_message){ .room = r->room, .text = r->text });
    else if (r->type == ROOMS_EVENT)
        rooms_put_event(out, &(struct rooms_event){ .event_json = r->event_json, .data = r->data });
    else
        rooms_put_left(out, r->ref, r->room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf scratch = { 0 }, out = { 0 };
    struct rooms_request request;
    belfry_bytes text = bytes_of(data, size);
    if (!utf8_is_valid(text))
        return 0;
    enum rooms_error error = rooms_request_parse(text, &limits, &request, &scratch);
    BELFRY_ASSERT((error == ROOMS_ERR_BAD_JSON) ==
                  (json_read_fields(text, DEPTH, NULL, 0, NULL) != BELFRY_OK));
    if (error == ROOMS_OK)
        check_request(&request);
    put_answer(&out, error, &request);
    BELFRY_ASSERT(!buf_failed(&out) && utf8_is_valid(buf_bytes(&out)));
    BELFRY_ASSERT(json_scan(buf_bytes(&out), DEPTH + 1, NULL, NULL) == BELFRY_OK);
    buf_deinit(&scratch);
    buf_deinit(&out);
    return 0;
}
