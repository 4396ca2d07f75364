/*
 * schema.h - the one table that flags, environment, file, help and reference page are made from.
 *
 *   include/belfry/options.h  BELFRY_OPTIONS  --+
 *                                               +--> config_rows[] --> everything else
 *   src/config/settings.h     CONFIG_SETTINGS --+
 *
 * A row whose help ends in "(library)" is not offered: it means nothing to the program. One whose
 * help says "comma-separated" is a list, which the file may write as a YAML sequence.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <belfry/options.h>

#include "base/defs.h"
#include "config/settings.h"
#include "config/value.h"

/* What the program's environment variables start with. */
#define CONFIG_ENV_PREFIX "BELFRY_"

struct config_choice {
    const char *text;
    const char *help;
};

struct config_row {
    const char *name; /* max_queue_bytes */
    enum config_type type;
    size_t offset; /* in struct config */
    const char *help;
    struct config_value default_value;
    uint64_t min, max; /* COUNT, SIZE and MS; the default is allowed even when outside */
    bool may_be_off;
    const struct config_choice *choices;
    size_t choice_count;
};

/* CONFIG_ROW_workers is the index of that row. */
enum config_row_index {
#define CONFIG_INDEX(name, ...) CONFIG_ROW_##name,
    BELFRY_OPTIONS(CONFIG_INDEX, CONFIG_INDEX, CONFIG_INDEX, CONFIG_INDEX, CONFIG_INDEX,
                   CONFIG_INDEX) CONFIG_SETTINGS(CONFIG_INDEX, CONFIG_INDEX, CONFIG_INDEX)
#undef CONFIG_INDEX
        CONFIG_ROW_COUNT
};

extern const struct config_row config_rows[CONFIG_ROW_COUNT];

bool config_row_is_offered(const struct config_row *row);
bool config_row_is_list(const struct config_row *row);

/* The title of the group that starts with @row, or NULL: the group goes on. */
const char *config_row_group(const struct config_row *row);

/* The offered row called @name, as in the file; NULL: none. */
const struct config_row *config_row_find(belfry_bytes name);

/* The offered row whose name is most like @name; NULL: none is. For "did you mean". */
const struct config_row *config_row_nearest(belfry_bytes name);

/* Room for the name of a row in its other forms. */
struct config_name {
    char text[80];
};

/* "--max-queue-bytes" and "BELFRY_MAX_QUEUE_BYTES", in @room. */
const char *config_row_flag(const struct config_row *row, struct config_name *room);
const char *config_row_variable(const struct config_row *row, struct config_name *room);

/*
 * "max-queue-bytes" or "MAX_QUEUE_BYTES" in the form of the file, in @room. Cut when it is longer
 * than any name; so the row found must still be compared with what was written.
 */
belfry_bytes config_name_fold(belfry_bytes name, struct config_name *room);

#endif
