/*
 * yaml.c - a flat YAML mapping: key to scalar, or, for lists, to a sequence of scalars.
 *
 *   listen: [ ":3001", "[::1]:3001" ]        events of libyaml:
 *   max_queue_bytes: 2M                      STREAM DOCUMENT MAPPING ( SCALAR value )* END ...
 *
 * Everything that makes YAML a language (anchors, aliases, tags, nesting, several documents, keys
 * said twice) is refused where it stands. That is also why no input costs more than its length:
 * nothing is ever expanded, and the first nested collection ends the reading.
 */
#include <stdio.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/config.h"

struct reader {
    struct config *config;
    struct config_error *error;
    const char *name; /* of the file */
    yaml_parser_t parser;
    yaml_event_t event; /* the one being looked at */
    bool has_seen[CONFIG_ROW_COUNT];
};

/* --- events -------------------------------------------------------------------------------------
 */

static belfry_err fail_at(struct reader *r, yaml_mark_t mark, const char *what)
{
    return config_fail(r->error, "%.200s:%zu:%zu: %s", r->name, mark.line + 1, mark.column + 1,
                       what);
}

static belfry_err fail_here(struct reader *r, const char *what)
{
    return fail_at(r, r->event.start_mark, what);
}

static belfry_err fail_parser(struct reader *r)
{
    const char *problem = r->parser.problem != NULL ? r->parser.problem : "not YAML";
    if (r->parser.error == YAML_MEMORY_ERROR)
        return config_fail_no_memory(r->error);
    if (r->parser.error == YAML_READER_ERROR) /* before there are lines: bytes, not UTF-8 */
        return config_fail(r->error, "%.200s: byte %zu: %s", r->name, r->parser.problem_offset,
                           problem);
    return fail_at(r, r->parser.problem_mark, problem);
}

/* What @event has of the things that are not for us. */
static const char *fancy_part(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return "aliases are not supported";
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    return anchor != NULL ? "anchors are not supported"
           : tag != NULL  ? "tags are not supported"
                          : NULL;
}

static belfry_err next_event(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event) == 0)
        return fail_parser(r);
    const char *fancy = fancy_part(&r->event);
    return fancy != NULL ? fail_here(r, fancy) : BELFRY_OK;
}

static belfry_bytes scalar_text(const yaml_event_t *event)
{
    return bytes_of(event->data.scalar.value, event->data.scalar.length);
}

/* `key:`, `key: ~` and `key: null`: YAML's ways of saying nothing. */
static bool is_null(const yaml_event_t *event)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (const char *const *word = words; word != BELFRY_END(words); word++) {
        if (bytes_equal_text(scalar_text(event), *word))
            return true;
    }
    return false;
}

/* --- keys and values ----------------------------------------------------------------------------
 */

static belfry_err fail_unknown(struct reader *r, belfry_bytes key)
{
    char what[400];
    const struct config_row *nearest = config_row_nearest(key);
    if (nearest != NULL)
        (void)snprintf(what, sizeof what, "unknown key %s; did you mean %s?", LOG_FIELD(key),
                       nearest->name);
    else
        (void)snprintf(what, sizeof what, "unknown key %s; belfry config lists all",
                       LOG_FIELD(key));
    return fail_here(r, what);
}

/* The row that the current event names. */
static belfry_err read_key(struct reader *r, const struct config_row **out_row)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_here(r, "a key must be a word");
    const struct config_row *row = config_row_find(scalar_text(&r->event));
    if (row == NULL)
        return fail_unknown(r, scalar_text(&r->event));
    size_t index = (size_t)(row - config_rows);
    if (index == CONFIG_ROW_config)
        return fail_here(r, "config cannot be set in the file");
    if (r->has_seen[index])
        return fail_here(r, "this key is there twice");
    r->has_seen[index] = true;
    *out_row = row;
    return BELFRY_OK;
}

/* The rest of a sequence, its items joined by commas in @out; ends at the sequence's end. */
static belfry_err read_items(struct reader *r, struct buf *out)
{
    for (;;) {
        belfry_err err = next_event(r);
        if (err != BELFRY_OK || r->event.type == YAML_SEQUENCE_END_EVENT)
            return err;
        if (r->event.type != YAML_SCALAR_EVENT || is_null(&r->event))
            return fail_here(r, "an item must be a text");
        belfry_bytes item = scalar_text(&r->event);
        if (item.size == 0 || memchr(item.data, ',', item.size) != NULL)
            return fail_here(r, "an item must not be empty or have a comma; write one per item");
        if (out->size > 0)
            buf_put_char(out, ',');
        buf_put_bytes(out, item);
        if (buf_failed(out))
            return config_fail_no_memory(r->error);
    }
}

static belfry_err set(struct reader *r, const struct config_row *row, yaml_mark_t mark,
                      belfry_bytes text)
{
    struct config_source source = { .origin = CONFIG_FROM_FILE,
                                    .line = (unsigned)mark.line + 1,
                                    .column = (unsigned)mark.column + 1 };
    char where[320];
    (void)snprintf(where, sizeof where, "%.120s:%u:%u: %s", r->name, source.line, source.column,
                   row->name);
    return config_set(r->config, row, text, source, where, r->error);
}

/* The value behind a key: the next event, or, for a list, all events of a sequence. */
static belfry_err read_value(struct reader *r, const struct config_row *row)
{
    BELFRY_ASSERT(row != NULL);
    belfry_err err = next_event(r);
    if (err != BELFRY_OK)
        return err;
    yaml_mark_t mark = r->event.start_mark;
    if (is_null(&r->event))
        return fail_here(r, "the value is missing; write \"\" for an empty one");
    if (r->event.type == YAML_SCALAR_EVENT)
        return set(r, row, mark, scalar_text(&r->event));
    if (r->event.type != YAML_SEQUENCE_START_EVENT || !config_row_is_list(row))
        return fail_here(r, "the value must be a text or a number, not a collection");
    struct buf items = { 0 };
    err = read_items(r, &items);
    if (err == BELFRY_OK)
        err = set(r, row, mark, buf_bytes(&items));
    buf_deinit(&items);
    return err;
}

static belfry_err read_mapping(struct reader *r)
{
    for (;;) {
        const struct config_row *row = NULL;
        belfry_err err = next_event(r);
        if (err != BELFRY_OK || r->event.type == YAML_MAPPING_END_EVENT)
            return err;
        err = read_key(r, &row);
        if (err == BELFRY_OK)
            err = read_value(r, row);
        if (err != BELFRY_OK)
            return err;
    }
}

/* --- the file -----------------------------------------------------------------------------------
 */

/* One document at most: a mapping, or nothing at all. */
static belfry_err read_document(struct reader *r)
{
    belfry_err err = next_event(r); /* document start */
    if (err != BELFRY_OK || r->event.type == YAML_STREAM_END_EVENT)
        return err;
    err = next_event(r);
    if (err == BELFRY_OK && r->event.type == YAML_MAPPING_START_EVENT)
        err = read_mapping(r);
    else if (err == BELFRY_OK && !is_null(&r->event))
        err = fail_here(r, "the file must be a mapping, as in \"workers: 2\"");
    if (err == BELFRY_OK)
        err = next_event(r); /* document end */
    if (err == BELFRY_OK)
        err = next_event(r);
    if (err == BELFRY_OK && r->event.type != YAML_STREAM_END_EVENT)
        err = fail_here(r, "only one document is supported");
    return err;
}

belfry_err config_read_yaml(struct config *c, const char *name, belfry_bytes yaml,
                            struct config_error *error)
{
    struct reader r = { .config = c, .error = error, .name = name };
    if (yaml_parser_initialize(&r.parser) == 0)
        return config_fail_no_memory(error);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, yaml.size > 0 ? yaml.data : (const void *)"",
                                 yaml.size);
    belfry_err err = next_event(&r); /* stream start */
    if (err == BELFRY_OK)
        err = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return err;
}
