/*
 * What the file may say, what it may not, and where the error is said to be.
 */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

static belfry_err read_yaml(struct config *c, belfry_bytes yaml, struct config_error *error)
{
    config_init(c);
    return config_read_yaml(c, "f", yaml, error);
}

static const struct accepted_case {
    const char *yaml;
    const char *want_listen;
} accepted_cases[] = {
    { "", ":3001" },
    { "# nothing\n", ":3001" },
    { "---\n", ":3001" },
    { "{}", ":3001" },
    { "listen: \":1\"", ":1" },
    { "listen: ':1'\n", ":1" },
    { "listen: localhost:1\n", "localhost:1" },
    { "---\nlisten: \":1\" # why\n...\n", ":1" },
    { "{ listen: \":1\" }", ":1" },
    { "\xef\xbb\xbflisten: \":1\"\n", ":1" },
    { "listen: [\":1\", \":2\"]\n", ":1,:2" },
    { "listen:\n  - \":1\"\n  - \":2\"\n", ":1,:2" },
    { "listen: []\n", "" },
    { "listen: \":1,:2\"\n", ":1,:2" },
    { "listen: \"\"\n", "" },
    { "listen: \"null\"\n", "null" },
    { "listen: >-\n  :1,\n  :2\n", ":1, :2" },
    { "%YAML 1.1\n---\nlisten: a\n", "a" },
};

static void test_what_the_file_may_say(void **state)
{
    (void)state;
    for (const struct accepted_case *k = accepted_cases; k != BELFRY_END(accepted_cases); k++) {
        struct config c;
        struct config_error error = { "" };
        if (read_yaml(&c, bytes_of_text(k->yaml), &error) != BELFRY_OK)
            fail_msg("%s: %s", k->yaml, error.text);
        assert_string_equal(c.options.listen, k->want_listen);
        config_deinit(&c);
    }
}

static const struct refused_case {
    belfry_bytes yaml;
    const char *want;
} refused_cases[] = {
    { BELFRY_BYTES("workerz: 2\n"), "f:1:1: unknown key workerz; did you mean workers?" },
    { BELFRY_BYTES("\n xyzzy: 2\n"), "f:2:2: unknown key xyzzy; belfry config lists all" },
    { BELFRY_BYTES("sock_data: 2\n"), "f:1:1: unknown key sock_data; belfry config lists all" },
    { BELFRY_BYTES("config: a\n"), "f:1:1: config cannot be set in the file" },
    { BELFRY_BYTES("workers: 1\nworkers: 1\n"), "f:2:1: this key is there twice" },
    { BELFRY_BYTES("workers: 99\n"), "f:1:10: workers \"99\" is out of bounds: 1 to 64" },
    { BELFRY_BYTES("workers: two\n"), "f:1:10: workers two is not a number" },
    { BELFRY_BYTES("workers:\n"), "f:1:9: the value is missing; write \"\" for an empty one" },
    { BELFRY_BYTES("listen: ~\n"), "f:1:9: the value is missing; write \"\" for an empty one" },
    { BELFRY_BYTES("listen: null\n"), "f:1:9: the value is missing; write \"\" for an empty one" },
    { BELFRY_BYTES("workers: [1]\n"),
      "f:1:10: the value must be a text or a number, not a collection" },
    { BELFRY_BYTES("static_dir: [a]\n"),
      "f:1:13: the value must be a text or a number, not a collection" },
    { BELFRY_BYTES("listen: {a: b}\n"),
      "f:1:9: the value must be a text or a number, not a collection" },
    { BELFRY_BYTES("listen: [a, [b]]\n"), "f:1:13: an item must be a text" },
    { BELFRY_BYTES("listen: [a, ~]\n"), "f:1:13: an item must be a text" },
    { BELFRY_BYTES("listen: [\"a,b\"]\n"),
      "f:1:10: an item must not be empty or have a comma; write one per item" },
    { BELFRY_BYTES("listen: [\"\"]\n"),
      "f:1:10: an item must not be empty or have a comma; write one per item" },
    { BELFRY_BYTES("listen: &a b\n"), "f:1:9: anchors are not supported" },
    { BELFRY_BYTES("&a listen: b\n"), "f:1:1: anchors are not supported" },
    { BELFRY_BYTES("&a {}\n"), "f:1:1: anchors are not supported" },
    { BELFRY_BYTES("listen: &a [b]\n"), "f:1:9: anchors are not supported" },
    { BELFRY_BYTES("listen: *a\n"), "f:1:9: aliases are not supported" },
    { BELFRY_BYTES("*a : b\n"), "f:1:1: aliases are not supported" },
    { BELFRY_BYTES("listen: !!str b\n"), "f:1:9: tags are not supported" },
    { BELFRY_BYTES("listen: !x [b]\n"), "f:1:9: tags are not supported" },
    { BELFRY_BYTES("!x {}\n"), "f:1:1: tags are not supported" },
    { BELFRY_BYTES("[a]\n"), "f:1:1: the file must be a mapping, as in \"workers: 2\"" },
    { BELFRY_BYTES("workers\n"), "f:1:1: the file must be a mapping, as in \"workers: 2\"" },
    { BELFRY_BYTES("\"\"\n"), "f:1:1: the file must be a mapping, as in \"workers: 2\"" },
    { BELFRY_BYTES("? [a]\n: b\n"), "f:1:3: a key must be a word" },
    { BELFRY_BYTES("<<: {}\n"), "f:1:1: unknown key <<; belfry config lists all" },
    { BELFRY_BYTES("workers: 1\n---\nworkers: 2\n"), "f:2:1: only one document is supported" },
    { BELFRY_BYTES("listen: \"a\\0b\"\n"), "f:1:9: listen \"a\\u0000b\" is not printable UTF-8" },
    { BELFRY_BYTES("listen: |\n  a\n  b\n"), "f:1:9: listen \"a\\nb\\n\" is not printable UTF-8" },
    { BELFRY_BYTES("listen: \"a\n"), "f:2:1: found unexpected end of stream" },
    { BELFRY_BYTES("listen: b: c\n"), "f:1:10: mapping values are not allowed in this context" },
    { BELFRY_BYTES("\tworkers: 1\n"), "f:1:1: found character that cannot start any token" },
    { BELFRY_BYTES("listen: \xff\n"), "f: byte 8: invalid leading UTF-8 octet" },
    { BELFRY_BYTES("listen: \x01\n"), "f: byte 8: control characters are not allowed" },
};

static void test_what_is_refused_and_where(void **state)
{
    (void)state;
    for (const struct refused_case *k = refused_cases; k != BELFRY_END(refused_cases); k++) {
        struct config c;
        struct config_error error = { "" };
        if (read_yaml(&c, k->yaml, &error) != BELFRY_ERR_CONFIG)
            fail_msg("%s: accepted", (const char *)k->yaml.data);
        assert_string_equal(error.text, k->want);
        config_deinit(&c);
    }
}

/* A file that was cut off anywhere is read or refused; nothing else happens. */
static void test_cut_files(void **state)
{
    (void)state;
    static const char yaml[] = "%YAML 1.1\n---\nlisten: [ \":1\", ':2' ]\norigins:\n- https://a\n"
                               "max_queue_bytes: 2M\ndemo: yes\nstatic_dir: \"w\\u00e4\"\n...\n";
    for (size_t size = 0; size < sizeof yaml; size++) {
        struct config c;
        struct config_error error;
        char *copy = malloc(size + 1); /* so that ASan sees a read past the end */
        assert_non_null(copy);
        char *start = copy + 1;
        memcpy(start, yaml, size);
        (void)read_yaml(&c, bytes_of(start, size), &error); /* either is right */
        config_deinit(&c);
        free(copy);
    }
}

static void must_refuse_megabyte_of(const char *start, const char *unit)
{
    struct config c;
    struct config_error error = { "" };
    struct buf yaml = { 0 };
    buf_put_text(&yaml, start);
    while (yaml.size < 1 << 20)
        buf_put_text(&yaml, unit);
    assert_false(buf_failed(&yaml));
    if (read_yaml(&c, buf_bytes(&yaml), &error) != BELFRY_ERR_CONFIG)
        fail_msg("%s and many %s: accepted", start, unit);
    assert_true(strlen(error.text) > 0);
    config_deinit(&c);
    buf_deinit(&yaml);
}

/* Depth, width, names and comments by the megabyte: refused without delay, depth or growth. */
static void test_hostile_files(void **state)
{
    (void)state;
    static const char *const units[] = { "[",      "{",       "{a: ", "- ",    "? ",   "a: ",
                                         "&a ",    "*a ",     "!a ",  "[[],",  "\"",   "'",
                                         "\n- - ", "a:\n b:", "|\n",  "%TAG ", "--- ", "\n...\n%",
                                         "a",      "x: y\n",  ": ",   "\"\\x", ",",    "[]: " };
    for (const char *const *unit = units; unit != BELFRY_END(units); unit++) {
        must_refuse_megabyte_of("", *unit);
        must_refuse_megabyte_of("listen: ", *unit);
        must_refuse_megabyte_of("listen: [", *unit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_file_may_say),
        cmocka_unit_test(test_what_is_refused_and_where),
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
