/*
 * args.c - the first word, and whether help is wanted instead.
 */
#include "cli/args.h"

#include "base/log.h"

static const struct verb {
    const char *name;
    const char *help;
} verbs[] = {
#define VERB_ROW(name, text, help) [ARGS_##name] = { text, help },
    ARGS_VERBS(VERB_ROW)
#undef VERB_ROW
};

static bool find_verb(const char *word, enum args_verb *out_verb)
{
    for (size_t i = 0; i < BELFRY_COUNT(verbs); i++) {
        if (strcmp(word, verbs[i].name) == 0) {
            *out_verb = (enum args_verb)i;
            return true;
        }
    }
    return false;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool has_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (is_help(argv[i]))
            return true;
    }
    return false;
}

static belfry_err fail_unknown(const char *word, struct config_error *error)
{
#define ARGS_VERB_NAME(name, text, help) " " text
    return config_fail(error, "unknown verb %s; there are:" ARGS_VERBS(ARGS_VERB_NAME),
                       LOG_FIELD(bytes_of_text(word)));
#undef ARGS_VERB_NAME
}

belfry_err args_parse(struct args *out, int argc, char **argv, struct config_error *error)
{
    struct args args = { .verb = ARGS_HELP };
    if (argc < 2 || is_help(argv[1])) {
        *out = args;
        return BELFRY_OK;
    }
    args.argc = argc - 1;
    args.argv = argv + 1;
    if (strcmp(argv[1], "--version") == 0)
        args.verb = ARGS_VERSION;
    else if (!find_verb(argv[1], &args.verb))
        return fail_unknown(argv[1], error);
    args.wants_help = has_help(args.argc, args.argv);
    if (args.verb == ARGS_HELP && args.argc > 1 && !args.wants_help) {
        if (!find_verb(argv[2], &args.verb))
            return fail_unknown(argv[2], error);
        args.wants_help = true;
    }
    *out = args;
    return BELFRY_OK;
}

void args_print_usage(FILE *out)
{
    fputs("belfry " BELFRY_VERSION ": rooms for WebSocket and Socket.IO clients\n"
          "\n"
          "Usage: belfry VERB [flags]\n"
          "\n",
          out);
    for (const struct verb *v = verbs; v != BELFRY_END(verbs); v++)
        fprintf(out, "  %-8s %s\n", v->name, v->help);
    fputs("\n"
          "To look around: belfry serve --demo\n",
          out);
}
