/*
 * settings.h - what can be set about the program beside the server's own options.
 *
 * Same idea as BELFRY_OPTIONS in include/belfry/options.h: one row, and the struct, the flag, the
 * environment variable, the YAML key, `--help` and the reference page follow. A CHOICE names its
 * default.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <belfry/log.h>

#define CONFIG_LOG_FORMATS(X)                          \
    X(AUTO, "auto", "text on a terminal, else logfmt") \
    X(TEXT, "text", "for people")                      \
    X(LOGFMT, "logfmt", "key=value")                   \
    X(JSON, "json", "an object per line")

enum config_log_format {
#define CONFIG_ENUM_ROW(name, text, help) CONFIG_LOG_##name,
    CONFIG_LOG_FORMATS(CONFIG_ENUM_ROW)
#undef CONFIG_ENUM_ROW
};

/* Read without being asked for, when it exists. */
#define CONFIG_DEFAULT_FILE "belfry.yaml"

/* clang-format off */
/*    type    name        choices             type                    default              what it does */
#define CONFIG_SETTINGS(TEXT, FLAG, CHOICE)                                                                 \
    FLAG(   demo,                                                                          "demo pages on /, anonymous users, any origin") \
    TEXT(   config,                                                   CONFIG_DEFAULT_FILE, "YAML file to read; the default is read only if it exists, an empty name reads none") \
    CHOICE( log_level,  BELFRY_LOG_LEVELS,  belfry_log_level,         BELFRY_LOG_INFO,     "how much to tell on stderr; each level includes those before it") \
    CHOICE( log_format, CONFIG_LOG_FORMATS, enum config_log_format,   CONFIG_LOG_AUTO,     "how a line of the log looks") \
    TEXT(   web_dir,                                                  "",                  "folder with the demo pages, while one works on them; empty: those inside the program") \
    TEXT(   ops_listen,                                               "",                  "address that serves /healthz, /readyz and /metrics instead of the main ones; empty: the main ones")
/* clang-format on */

#endif
