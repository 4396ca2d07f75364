/*
 * risk.h - settings that are legal, and worth knowing about before the first user comes.
 */
#ifndef CONFIG_RISK_H
#define CONFIG_RISK_H

#include "config/config.h"

/* What a setting means for the operator; @setting is the row's name. */
struct config_risk {
    const char *setting;
    char text[256];
};

#define CONFIG_MAX_RISKS 16

/* Lists what is risky about @c; returns how many. */
size_t config_risks(const struct config *c, struct config_risk out_risks[CONFIG_MAX_RISKS]);

/* Can others than this machine reach one of the comma-separated @addresses? */
bool config_is_public(const char *addresses);

#endif
