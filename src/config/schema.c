/*
 * schema.c - both X-macro tables poured into one array, and looking things up in it.
 *
 * There are some fifty rows and a lookup happens once per setting, so a walk is all it takes.
 */
#include "config/schema.h"

#include <stdio.h>

#include "config/config.h"

/* Zero means the default to the library: a zero that is something else cannot be said to it. */
#define MIN_OF(default_number, min_number) \
    ((min_number) == 0 && (default_number) != 0 ? 1 : (min_number))

#define TEXT_ROW(row, member, default_text, row_help) \
    [CONFIG_ROW_##row] = {                            \
        .name = #row,                                 \
        .type = CONFIG_TEXT,                          \
        .offset = offsetof(struct config, member),    \
        .help = row_help,                             \
        .default_value = { .text = default_text },    \
    },
#define FLAG_ROW(row, member, row_help)            \
    [CONFIG_ROW_##row] = {                         \
        .name = #row,                              \
        .type = CONFIG_FLAG,                       \
        .offset = offsetof(struct config, member), \
        .help = row_help,                          \
    },
#define NUMBER_ROW(row, row_type, default_number, min_number, max_number, off, row_help) \
    [CONFIG_ROW_##row] = {                                                               \
        .name = #row,                                                                    \
        .type = row_type,                                                                \
        .offset = offsetof(struct config, options.row),                                  \
        .help = row_help,                                                                \
        .default_value = { .number = default_number },                                   \
        .min = MIN_OF(default_number, min_number),                                       \
        .max = max_number,                                                               \
        .may_be_off = off,                                                               \
    },
#define CHOICE_ENTRY(name, word, entry_help) { word, entry_help },
#define CHOICE_ROW(row, member, list, default_index, row_help)                                \
    [CONFIG_ROW_##row] = {                                                                    \
        .name = #row,                                                                         \
        .type = CONFIG_CHOICE,                                                                \
        .offset = offsetof(struct config, member),                                            \
        .help = row_help,                                                                     \
        .default_value = { .number = default_index },                                         \
        .choices = (const struct config_choice[]){ list(CHOICE_ENTRY) },                      \
        .choice_count = BELFRY_COUNT(((const struct config_choice[]){ list(CHOICE_ENTRY) })), \
    },

#define OPTION_TEXT(name, text, help) TEXT_ROW(name, options.name, text, help)
#define OPTION_FLAG(name, help) FLAG_ROW(name, options.name, help)
#define OPTION_COUNT(name, number, min, max, off, help) \
    NUMBER_ROW(name, CONFIG_COUNT, number, min, max, off, help)
#define OPTION_SIZE(name, number, min, max, off, help) \
    NUMBER_ROW(name, CONFIG_SIZE, number, min, max, off, help)
#define OPTION_MS(name, number, min, max, off, help) \
    NUMBER_ROW(name, CONFIG_MS, number, min, max, off, help)
#define OPTION_CHOICE(name, choices, type, help) \
    CHOICE_ROW(name, options.name, BELFRY_##choices, 0, help)

#define SETTING_TEXT(name, text, help) TEXT_ROW(name, name, text, help)
#define SETTING_FLAG(name, help) FLAG_ROW(name, name, help)
#define SETTING_CHOICE(name, choices, type, index, help) \
    CHOICE_ROW(name, name, choices, index, help)

/* config.c stores an enum as 32 bits. */
#define NO_CHECK(...)
#define CHECK_OPTION(name, choices, type, help) \
    _Static_assert(sizeof(type) == sizeof(uint32_t), #type);
#define CHECK_SETTING(name, choices, type, index, help) \
    _Static_assert(sizeof(type) == sizeof(uint32_t), #type);
BELFRY_OPTIONS(NO_CHECK, NO_CHECK, NO_CHECK, NO_CHECK, NO_CHECK, CHECK_OPTION)
CONFIG_SETTINGS(NO_CHECK, NO_CHECK, CHECK_SETTING)

/* clang-format off */
const struct config_row config_rows[CONFIG_ROW_COUNT] = {
    BELFRY_OPTIONS(OPTION_TEXT, OPTION_FLAG, OPTION_COUNT, OPTION_SIZE, OPTION_MS, OPTION_CHOICE)
    CONFIG_SETTINGS(SETTING_TEXT, SETTING_FLAG, SETTING_CHOICE)
};
/* clang-format on */

static const struct group {
    size_t first_row;
    const char *title;
} groups[] = {
    { CONFIG_ROW_listen, "Listening" },
    { CONFIG_ROW_max_connections, "Connections and HTTP" },
    { CONFIG_ROW_max_message_bytes, "WebSocket" },
    { CONFIG_ROW_deflate, "Compression" },
    { CONFIG_ROW_max_queue_bytes, "Queues" },
    { CONFIG_ROW_max_rooms_per_socket, "Rooms" },
    { CONFIG_ROW_history_messages, "History" },
    { CONFIG_ROW_presence_limit, "Presence" },
    { CONFIG_ROW_cluster, "Cluster" },
    { CONFIG_ROW_drain_timeout_ms, "Stopping" },
    { CONFIG_ROW_demo, "The program" },
};

const char *config_row_group(const struct config_row *row)
{
    for (const struct group *g = groups; g != BELFRY_END(groups); g++) {
        if (&config_rows[g->first_row] == row)
            return g->title;
    }
    return NULL;
}

bool config_row_is_offered(const struct config_row *row)
{
    static const char mark[] = "(library)";
    size_t size = strlen(row->help);
    return size < sizeof mark || strcmp(row->help + size - (sizeof mark - 1), mark) != 0;
}

bool config_row_is_list(const struct config_row *row)
{
    return row->type == CONFIG_TEXT && strstr(row->help, "comma-separated") != NULL;
}

const struct config_row *config_row_find(belfry_bytes name)
{
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        if (bytes_equal_text(name, row->name) && config_row_is_offered(row))
            return row;
    }
    return NULL;
}

/* --- did you mean -------------------------------------------------------------------------------
 */

#define MAX_NAME 64

/* How many characters to insert, remove or change to make @b of @a (Levenshtein), row by row. */
static size_t edit_distance(belfry_bytes a, belfry_bytes b)
{
    BELFRY_ASSERT(b.size <= MAX_NAME);
    const char *a_text = a.data, *b_text = b.data;
    size_t costs[MAX_NAME + 1];
    for (size_t j = 0; j <= b.size; j++)
        costs[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = costs[0];
        costs[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t change = diagonal + (a_text[i - 1] != b_text[j - 1]);
            diagonal = costs[j];
            costs[j] = BELFRY_MIN(change, BELFRY_MIN(costs[j], costs[j - 1]) + 1);
        }
    }
    return costs[b.size];
}

const struct config_row *config_row_nearest(belfry_bytes name)
{
    const struct config_row *nearest = NULL;
    size_t best = BELFRY_MAX(name.size / 2, 2) + 1; /* more would be guessing */
    if (name.size > MAX_NAME)
        return NULL;
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        size_t distance = edit_distance(name, bytes_of_text(row->name));
        if (distance < best && config_row_is_offered(row)) {
            best = distance;
            nearest = row;
        }
    }
    return nearest;
}

/* --- names --------------------------------------------------------------------------------------
 */

const char *config_row_flag(const struct config_row *row, struct config_name *room)
{
    (void)snprintf(room->text, sizeof room->text, "--%s", row->name);
    for (char *c = room->text; *c != '\0'; c++) {
        if (*c == '_')
            *c = '-';
    }
    return room->text;
}

const char *config_row_variable(const struct config_row *row, struct config_name *room)
{
    (void)snprintf(room->text, sizeof room->text, CONFIG_ENV_PREFIX "%s", row->name);
    for (char *c = room->text; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    return room->text;
}

belfry_bytes config_name_fold(belfry_bytes name, struct config_name *room)
{
    const char *text = name.data;
    size_t size = BELFRY_MIN(name.size, sizeof room->text);
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        room->text[i] = c == '-' ? '_' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return bytes_of(room->text, size);
}
