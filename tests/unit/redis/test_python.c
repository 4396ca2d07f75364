/*
 * What managers of python-socketio 5.18 publish, as captured, and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "redis/python.h"

static const struct note_limits limits = { .max_depth = JSON_MAX_DEPTH, .max_attachments = 255 };

/* A note as a line: type uid nsp name(args) rooms=.. except=.. targets=.. +attachments */
static void tell(const struct note *n, char *out, size_t size)
{
    const struct note_names *lists[] = { &n->rooms, &n->except, &n->targets };
    int used = snprintf(out, size, "%d %.*s %.*s(%.*s)", (int)n->type, (int)n->nsp.size,
                        (const char *)n->nsp.data, (int)n->name.size, (const char *)n->name.data,
                        (int)n->args.size, (const char *)n->args.data);
    for (int l = 0; l < 3; l++) {
        for (unsigned i = 0; i < lists[l]->count; i++)
            used += snprintf(out + used, size - (size_t)used, "%s%.*s",
                             i == 0 ? (l == 0   ? " in "
                                       : l == 1 ? " except "
                                                : " room ")
                                    : ",",
                             (int)lists[l]->names[i].size, (const char *)lists[l]->names[i].data);
    }
    for (unsigned i = 0; i < n->attachment_count; i++)
        used += snprintf(out + used, size - (size_t)used, " +%zu", n->attachments[i].size);
}

static const struct python_case {
    const char *name;
    const char *payload;
    const char *want; /* NULL: refused */
} cases[] = {
    { "to all",
      "{\"method\": \"emit\", \"event\": \"py\", \"data\": [{\"a\": 1}], \"binary\": false, "
      "\"namespace\": \"/\", \"room\": null, \"skip_sid\": null, \"callback\": null, "
      "\"host_id\": \"e3\"}",
      "3 / py({\"a\": 1})" },
    { "to a room, two arguments, one skipped",
      "{\"method\":\"emit\",\"event\":\"e\",\"data\":[1,\"x\"],\"binary\":false,"
      "\"namespace\":\"/admin\",\"room\":\"r\",\"skip_sid\":\"s\"}",
      "3 /admin e(1,\"x\") in r except s" },
    { "to several rooms, a number among them",
      "{\"method\":\"emit\",\"event\":\"e\",\"data\":[ 1 ],\"room\":[\"a\\u0062\",7],"
      "\"skip_sid\":[\"s\",\"t\"]}",
      "3 / e(1) in ab,7 except s,t" },
    { "nothing", "{\"method\":\"emit\",\"event\":\"e\",\"data\":[null]}", "3 / e()" },
    { "no data", "{\"method\":\"emit\",\"event\":\"e\"}", "3 / e()" },
    { "binary",
      "{\"method\":\"emit\",\"event\":\"e\",\"binary\":true,\"data\":[[{\"b\":{\"_placeholder\":"
      "true,"
      "\"num\":0}}],\"AQI=\"]}",
      "3 / e({\"b\":{\"_placeholder\":true,\"num\":0}}) +2" },
    { "disconnect", "{\"method\":\"disconnect\",\"sid\":\"s\",\"namespace\":\"/\"}",
      "6 / () in s" },
    { "enter", "{\"method\":\"enter_room\",\"sid\":\"s\",\"room\":\"r\",\"namespace\":\"/\"}",
      "4 / () in s room r" },
    { "leave", "{\"method\":\"leave_room\",\"sid\":\"s\",\"room\":\"r\"}", "5 / () in s room r" },
    { "close", "{\"method\":\"close_room\",\"room\":\"r\"}", "5 / () in r room r" },
    { "a callback is nothing", "{\"method\":\"callback\",\"id\":1}", "0 / ()" },
    { "no method", "{\"event\":\"e\"}", NULL },
    { "no event", "{\"method\":\"emit\",\"data\":[]}", NULL },
    { "nobody to disconnect", "{\"method\":\"disconnect\"}", NULL },
    { "no room to enter", "{\"method\":\"enter_room\",\"sid\":\"s\"}", NULL },
    { "a room that is an object", "{\"method\":\"emit\",\"event\":\"e\",\"room\":{}}", NULL },
    { "binary without arguments",
      "{\"method\":\"emit\",\"event\":\"e\",\"binary\":true,\"data\":[\"AQI=\"]}", NULL },
    { "pickle", "\x80\x04\x95\x0c", NULL },
    { "an array", "[]", NULL },
};

static void test_what_managers_say_is_understood(void **state)
{
    struct note_scratch scratch = { 0 };
    (void)state;
    for (const struct python_case *c = cases; c != BELFRY_END(cases); c++) {
        struct note note;
        char got[512] = "";
        belfry_err err = python_decode(bytes_of_text(c->payload), &limits, &scratch, &note);
        if (err == BELFRY_OK)
            tell(&note, got, sizeof got);
        if (c->want == NULL ? err == BELFRY_OK : strcmp(got, c->want) != 0)
            fail_msg("%s: %s (%s)", c->name, got, belfry_strerror(err));
    }
    note_scratch_deinit(&scratch);
}

static void test_every_cut_is_refused(void **state)
{
    struct note_scratch scratch = { 0 };
    (void)state;
    for (const struct python_case *c = cases; c != BELFRY_END(cases); c++) {
        struct note note;
        for (size_t cut = 0; cut < strlen(c->payload); cut++)
            assert_int_not_equal(python_decode(bytes_of(c->payload, cut), &limits, &scratch, &note),
                                 BELFRY_OK);
    }
    note_scratch_deinit(&scratch);
}

static void test_more_names_than_there_may_be_are_refused(void **state)
{
    struct note_scratch scratch = { 0 };
    struct buf text = { 0 };
    struct note note;
    (void)state;
    for (unsigned count = NOTE_MAX_NAMES; count <= NOTE_MAX_NAMES + 1; count++) {
        buf_clear(&text);
        buf_put_text(&text, "{\"method\":\"emit\",\"event\":\"e\",\"room\":[1");
        for (unsigned i = 1; i < count; i++)
            buf_put_text(&text, ",1");
        buf_put_text(&text, "]}");
        assert_int_equal(python_decode(buf_bytes(&text), &limits, &scratch, &note),
                         count <= NOTE_MAX_NAMES ? BELFRY_OK : BELFRY_ERR_LIMIT);
    }
    buf_deinit(&text);
    note_scratch_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_managers_say_is_understood),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_more_names_than_there_may_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
