/*
 * message_id.c - two numbers and a name as text, strictly both ways.
 */
#include "base/message_id.h"

#include "base/json.h"

int message_id_compare(struct message_id a, struct message_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    if (a.seq != b.seq)
        return a.seq < b.seq ? -1 : 1;
    return 0;
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t from = sizeof digits;
    do {
        digits[--from] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(at, digits + from, sizeof digits - from);
    return at + (sizeof digits - from);
}

size_t message_id_format(char out_text[MESSAGE_ID_MAX_TEXT], struct message_id id,
                         belfry_bytes epoch)
{
    BELFRY_ASSERT(epoch.size <= MESSAGE_ID_MAX_EPOCH);
    char *at = put_number(out_text, id.ms);
    *at++ = '-';
    at = put_number(at, id.seq);
    if (epoch.size > 0) {
        *at++ = '.';
        memcpy(at, epoch.data, epoch.size);
        at += epoch.size;
    }
    return (size_t)(at - out_text);
}

static bool is_epoch(belfry_bytes text)
{
    const char *c = text.data;
    if (text.size == 0 || text.size > MESSAGE_ID_MAX_EPOCH)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        bool is_letter = (c[i] >= 'a' && c[i] <= 'z') || (c[i] >= 'A' && c[i] <= 'Z');
        if (!is_letter && !(c[i] >= '0' && c[i] <= '9') && c[i] != '_' && c[i] != '-')
            return false;
    }
    return true;
}

/* Splits @text at the first @separator; false if there is none. */
static bool split(belfry_bytes text, char separator, belfry_bytes *out_head, belfry_bytes *out_tail)
{
    const char *start = text.data;
    const char *found = text.size > 0 ? memchr(start, separator, text.size) : NULL;
    if (found == NULL)
        return false;
    *out_head = bytes_of(start, (size_t)(found - start));
    *out_tail = bytes_of(found + 1, text.size - out_head->size - 1);
    return true;
}

bool message_id_parse(belfry_bytes text, struct message_id *out_id, belfry_bytes *out_epoch)
{
    belfry_bytes ms, seq, rest;
    belfry_bytes epoch = { 0 };
    struct message_id id;
    if (!split(text, '-', &ms, &rest))
        return false;
    if (!split(rest, '.', &seq, &epoch))
        seq = rest;
    else if (!is_epoch(epoch))
        return false;
    if (!json_u64(ms, &id.ms) || !json_u64(seq, &id.seq))
        return false;
    *out_id = id;
    *out_epoch = epoch;
    return true;
}
