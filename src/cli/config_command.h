/*
 * config_command.h - the verbs `config` and `check`.
 *
 * Both read flags, environment and file exactly as `serve` does. argv[0] is the verb. The result
 * is the exit code: 0, or 1 when the configuration is wrong (stderr says why).
 */
#ifndef CLI_CONFIG_COMMAND_H
#define CLI_CONFIG_COMMAND_H

int command_config(int argc, char **argv); /* [doc | env] [flags of serve] */
int command_check(int argc, char **argv);  /* [flags of serve] */

#endif
