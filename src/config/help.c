/*
 * help.c - the schema as documentation: for the terminal, and as Markdown.
 *
 *   config_rows[] --group by group--> flag column + wrapped text      (config_print_help)
 *                                 --> table with defaults and bounds  (config_write_reference)
 */
#include "base/buf.h"
#include "config/write.h"

#define TEXT_COLUMN 36
#define LAST_COLUMN 98

static const char *placeholder(const struct config_row *row)
{
    switch (row->type) {
    case CONFIG_TEXT:
        return config_row_is_list(row) ? " LIST" : " TEXT";
    case CONFIG_FLAG:
        return "";
    case CONFIG_COUNT:
        return " N";
    case CONFIG_SIZE:
        return " SIZE";
    case CONFIG_MS:
        return " TIME";
    case CONFIG_CHOICE:
        return " WORD";
    }
    BELFRY_UNREACHABLE("a row has one of these types");
}

/* For people: "1M", "the number of usable cores", and the empty string where there is none. */
static const char *default_text(const struct config_row *row, struct config_text *room)
{
    if (row == &config_rows[CONFIG_ROW_workers])
        return "the number of usable cores";
    return config_value_format(row, row->default_value, room);
}

/* --- the terminal -------------------------------------------------------------------------------
 */

/* "what it does: close (closed with 1013), ... [1M; 4K to 1G]" */
static void describe(struct buf *out, const struct config_row *row)
{
    struct config_text default_room, bounds;
    const char *value = default_text(row, &default_room);
    buf_put_text(out, row->help);
    for (size_t i = 0; i < row->choice_count; i++)
        buf_printf(out, "%s %s (%s)", i == 0 ? ":" : ",", row->choices[i].text,
                   row->choices[i].help);
    if (row->type == CONFIG_FLAG || *value == '\0')
        return;
    buf_printf(out, " [%s", value);
    if (row->type != CONFIG_CHOICE && *config_value_bounds(row, &bounds) != '\0')
        buf_printf(out, "; %s", bounds.text);
    buf_put_char(out, ']');
}

/* Writes words from column @column on; lines after the first start at TEXT_COLUMN. */
static void wrap(FILE *out, belfry_bytes text, size_t column)
{
    const char *at = text.data, *end = at + text.size;
    fprintf(out, "%*s", (int)(TEXT_COLUMN - column), "");
    column = TEXT_COLUMN;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *word_end = space != NULL ? space : end;
        int size = (int)(word_end - at);
        bool is_first = column == TEXT_COLUMN;
        if (!is_first && column + 1 + (size_t)size > LAST_COLUMN) {
            fprintf(out, "\n%*s", TEXT_COLUMN, "");
            column = TEXT_COLUMN;
            is_first = true;
        }
        column += (size_t)fprintf(out, "%s%.*s", is_first ? "" : " ", size, at);
        at = word_end + (space != NULL);
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const struct config_row *row)
{
    struct config_name flag;
    struct buf text = { 0 };
    int column = fprintf(out, "  %s%s", config_row_flag(row, &flag), placeholder(row));
    describe(&text, row);
    wrap(out, buf_bytes(&text), (size_t)column);
    buf_deinit(&text);
}

void config_print_help(FILE *out)
{
    fputs(
        "Usage: belfry serve [flags]\n"
        "\n"
        "Every flag is also an environment variable (--max-queue-bytes: BELFRY_MAX_QUEUE_BYTES)\n"
        "and a key of the YAML file (max_queue_bytes). Flags win over variables, these over the\n"
        "file. SIZE is 300, 64K, 1M or 2G; TIME is 250ms, 10s, 2m or 1h; --no-demo undoes --demo.\n"
        "In brackets: the default, and what is allowed.\n",
        out);
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        if (config_row_group(row) != NULL)
            fprintf(out, "\n%s\n", config_row_group(row));
        if (config_row_is_offered(row))
            print_row(out, row);
    }
}

/* --- Markdown -----------------------------------------------------------------------------------
 */

static void write_reference_row(FILE *out, const struct config_row *row)
{
    struct config_text value_room, bounds;
    const char *value = default_text(row, &value_room);
    bool is_prose = row == &config_rows[CONFIG_ROW_workers] || *value == '\0';
    const char *mark = is_prose ? "" : "`";
    fprintf(out, "| `%s` | %s%s%s | %s | %s", row->name, mark, value, mark,
            config_value_bounds(row, &bounds), row->help);
    for (size_t i = 0; i < row->choice_count; i++)
        fprintf(out, "%s `%s` (%s)", i == 0 ? ":" : ",", row->choices[i].text,
                row->choices[i].help);
    fputs(" |\n", out);
}

void config_write_reference(FILE *out)
{
    fputs("# Configuration\n"
          "\n"
          "<!-- Made by `belfry config doc`; edit include/belfry/options.h or\n"
          "     src/config/settings.h and make it again. -->\n"
          "\n"
          "A setting has one name in three places, and the first of them that has it wins:\n"
          "\n"
          "| Where | Looks like |\n"
          "|---|---|\n"
          "| flag | `--max-queue-bytes 2M`, `--max-queue-bytes=2M`, `--demo`, `--no-demo` |\n"
          "| environment | `BELFRY_MAX_QUEUE_BYTES=2M`, `BELFRY_DEMO=true` |\n"
          "| file | `max_queue_bytes: 2M`, `demo: true` |\n"
          "\n"
          "The file is flat YAML, `belfry.yaml` in the working directory unless `--config` names\n"
          "another. Comma-separated lists may be sequences there: `listen: [\":3001\", "
          "\"[::1]:80\"]`.\n"
          "Anything unknown or out of bounds, anywhere, is an error. `belfry config` prints the\n"
          "effective values and where each comes from, `belfry check` what the risky ones mean.\n"
          "\n"
          "Sizes are bytes or `64K`, `1M`, `2G` (units of 1024); durations are milliseconds or\n"
          "`250ms`, `10s`, `2m`, `1h`.\n",
          out);
    for (const struct config_row *row = config_rows; row != BELFRY_END(config_rows); row++) {
        if (config_row_group(row) != NULL)
            fprintf(out,
                    "\n## %s\n\n| Key | Default | Allowed | What it does |\n|---|---|---|---|\n",
                    config_row_group(row));
        if (config_row_is_offered(row))
            write_reference_row(out, row);
    }
}
