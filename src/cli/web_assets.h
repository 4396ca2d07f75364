/*
 * web_assets.h - the demo's pages, made into bytes by the build (tools/embed.cmake).
 */
#ifndef CLI_WEB_ASSETS_H
#define CLI_WEB_ASSETS_H

#include <belfry/belfry.h>

extern const belfry_asset web_assets[]; /* ends with a NULL path */

#endif
